"""The media that a collection names: are they there, are they what their names say, and what is to be done."""
