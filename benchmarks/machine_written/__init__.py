"""How well `training scan` tells machine-written texts from others: docs/provenance.md."""
