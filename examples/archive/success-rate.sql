-- The success rate by action and month, for DuckDB. docs/operations.md, "Archive", says how to get the files.
SELECT actionName,
       strftime(completedAt, '%Y-%m') AS month,
       count(*)::INTEGER AS runs,
       round(100.0 * count_if(status = 'succeeded') / nullif(count_if(status <> 'cancelled'), 0), 1) AS succeededPercent
FROM read_json('archive/v1/acme/shop/production/**/*.ndjson.gz',
               format = 'newline_delimited',
               columns = {actionName: 'VARCHAR', status: 'VARCHAR', completedAt: 'TIMESTAMP'})
GROUP BY ALL
ORDER BY ALL;
