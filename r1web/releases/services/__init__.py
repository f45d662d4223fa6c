"""What is done with releases."""

from r1web.releases.services.asking import ask
from r1web.releases.services.exporting import export, start_export
from r1web.releases.services.looking_after import look_after

__all__ = ["ask", "export", "look_after", "start_export"]
