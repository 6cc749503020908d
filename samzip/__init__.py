"""samzip turns clicks on "Descargar ZIP" into archives that a company can download."""

__version__ = "0.1.0"
