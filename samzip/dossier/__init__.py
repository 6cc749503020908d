"""What goes into a part, decided without any I/O: plan, names, readme, missing-list, life sheet, workbook."""
