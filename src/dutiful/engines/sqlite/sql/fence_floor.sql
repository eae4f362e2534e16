SELECT coalesce(max(floor), 0) FROM dutiful_fence
