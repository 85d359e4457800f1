"""Raw exports to contract tables: the one place that reads raw input.

A unit (a file, or the result of a query) is opened as a scan, mapped to the contract and written as a segment; rows
that cannot be used are quarantined. The contract tables are the merged segments.
"""
