"""Records that say nearly the same: what of them is compared, how alike two are, which stay."""
