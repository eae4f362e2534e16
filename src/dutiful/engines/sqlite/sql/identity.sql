SELECT coalesce(max(store), '') FROM dutiful_fence
