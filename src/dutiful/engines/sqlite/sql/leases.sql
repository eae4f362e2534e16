SELECT rowid, id, lease, renewed_ticks, boot FROM dutiful_worker WHERE lost = 0
