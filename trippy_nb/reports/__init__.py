"""Frames in, text out: the reports that the command prints."""

from trippy_nb.reports.hops import HopColumn as HopColumn
from trippy_nb.reports.hops import HopLine as HopLine
from trippy_nb.reports.hops import csv_report as csv_report
from trippy_nb.reports.hops import hop_lines as hop_lines
from trippy_nb.reports.hops import markdown_report as markdown_report
from trippy_nb.reports.hops import stream_lines as stream_lines
from trippy_nb.reports.hops import table_columns as table_columns
from trippy_nb.reports.hops import title as title
from trippy_nb.reports.json_report import json_report as json_report
from trippy_nb.reports.json_report import probe_lines as probe_lines
