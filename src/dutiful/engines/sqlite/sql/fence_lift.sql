UPDATE dutiful_fence SET floor = max(floor, ?)
