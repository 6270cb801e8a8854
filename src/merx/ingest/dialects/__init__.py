"""How other systems' files are read: one file per dialect, each a `Dialect` record."""
