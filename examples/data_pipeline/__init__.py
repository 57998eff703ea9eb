"""A folder of CSV files: checked, parsed in processes, summed up; interrupted and continued."""
