"""Raw files, media, converted sources and mixes in an object store: `s3://...`, or any other URL that fsspec opens.

Media are read where they are, by ranges. All else is fetched and sent at the edges only, and everything between works on
local files. fsspec is asked for nothing but
to list, to read a range, to put a file (objects.py). Who may read and write is told by the environment alone.
"""
