"""The used ranges of a workbook's sheets, found before the workbook is read: its reader makes a cell for each place."""
