"""Raw files, converted sources and mixes that lie in an object store: `s3://...`, or any other URL that fsspec opens.

Bytes are fetched and sent at the edges only; everything between works on local files. fsspec is asked for nothing but
to list, to read a range, to put a file (objects.py). Who may read and write is told by the environment alone.
"""
