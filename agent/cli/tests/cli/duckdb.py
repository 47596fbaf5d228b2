# What DuckDB finds in a folder of Parquet files, as JSON: of each table its rows and row groups, and of each column its
# type, how many values it has, and their sum, or of texts how many different ones there are.
import duckdb, json, os, sys

folder = sys.argv[1]
tables = {}
for file in sorted(os.listdir(folder)):
    path = os.path.join(folder, file)

    def ask(what, source="read_parquet"):
        return duckdb.execute(f"SELECT {what} FROM {source}(?)", [path]).fetchone()

    columns = {}
    described = duckdb.execute("DESCRIBE SELECT * FROM read_parquet(?)", [path]).fetchall()
    for name, kind, *_ in described:
        figure = "sum" if kind in ("BIGINT", "DOUBLE") else "count"
        distinct = "" if figure == "sum" else "DISTINCT"
        values = ask(f'count("{name}"), {figure}({distinct} "{name}")')
        columns[name] = [kind] + [None if value is None else str(value) for value in values]
    groups = ask("count(DISTINCT row_group_id)", "parquet_metadata")[0]
    tables[file.removesuffix(".parquet")] = {"rows": ask("count(*)")[0], "groups": groups, "columns": columns}

kernels = os.path.join(folder, "kernels.parquet")
first = duckdb.execute(
    "SELECT strftime(start_time AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S') FROM read_parquet(?) ORDER BY id LIMIT 1",
    [kernels],
).fetchone()[0]
print(json.dumps({"tables": tables, "first": first}))
