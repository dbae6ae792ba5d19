"""The report: one HTML file that shows every word with its map, with no network and no server."""

from tam.report.page import comparison_html, methods_html, report_html

__all__ = ["comparison_html", "methods_html", "report_html"]
