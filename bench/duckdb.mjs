// The peer: DuckDB with two threads, data already in its own table.
import { DuckDBInstance } from '@duckdb/node-api';

const runs = Number(process.env.RUNS ?? 3);
const db = await (await DuckDBInstance.create(':memory:', { threads: '2' })).connect();
await db.run(`CREATE TABLE orders AS SELECT * FROM read_csv('${process.argv[2]}', header = true,
  columns = {order_id: 'BIGINT', customer_id: 'BIGINT', ordered_on: 'DATE', amount: 'DECIMAL(12,2)'})`);
const version = await db.runAndReadAll('SELECT version()');
console.log('version', version.getRows()[0][0]);

const queries = {
  rfm: 'SELECT customer_id, max(ordered_on), count(*), sum(amount) FROM orders GROUP BY customer_id',
  days: 'SELECT customer_id, max(ordered_on), count(*), sum(amount), count(DISTINCT ordered_on) FROM orders GROUP BY customer_id',
  list: `SELECT customer_id, list(struct_pack(d := ordered_on, n := n, s := s) ORDER BY ordered_on)
    FROM (SELECT customer_id, ordered_on, count(*) AS n, sum(amount) AS s FROM orders GROUP BY customer_id, ordered_on)
    GROUP BY customer_id`,
};
for (const [name, query] of Object.entries(queries)) {
  const times = [];
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    await db.run(`CREATE OR REPLACE TABLE result AS ${query}`);
    times.push((performance.now() - start) / 1000);
  }
  times.sort((a, b) => a - b);
  console.log(name, times[Math.floor((runs - 1) / 2)].toFixed(3));
}
