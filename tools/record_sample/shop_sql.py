"""PostgreSQL's configuration, the shop's schema, and the statements its clerks type."""

CONF = """
listen_addresses = '127.0.0.1'
unix_socket_directories = '/srv/sample/run'
max_connections = 24
superuser_reserved_connections = 3
shared_buffers = 16MB
work_mem = 256kB
max_wal_size = 48MB
min_wal_size = 32MB
checkpoint_timeout = 30s
autovacuum_naptime = 10s
deadlock_timeout = 400ms
log_min_duration_statement = 120ms
log_statement = 'ddl'
log_connections = on
log_disconnections = on
log_checkpoints = on
log_lock_waits = on
log_temp_files = 64kB
log_autovacuum_min_duration = 0
log_line_prefix = '%m [%p] '
log_timezone = 'UTC'
timezone = 'UTC'
lc_messages = 'C'
"""

HBA = """
local all postgres peer
host all postgres 127.0.0.0/8 reject
host archive backup 127.0.0.0/8 trust
host shop all 127.0.0.0/8 scram-sha-256
host archive all 127.0.0.0/8 scram-sha-256
"""

SCHEMA = """
CREATE ROLE clerk LOGIN PASSWORD 'clerk-pw';
CREATE ROLE report LOGIN PASSWORD 'report-pw';
CREATE ROLE web LOGIN PASSWORD 'web-pw' CONNECTION LIMIT 6;
CREATE ROLE backup LOGIN;
CREATE DATABASE archive;
CREATE DATABASE shop;
\\c shop
CREATE TABLE customers (id serial PRIMARY KEY, name varchar(40) NOT NULL, email text UNIQUE, credit numeric(8,2) DEFAULT 0);
CREATE TABLE items (id serial PRIMARY KEY, title text NOT NULL, stock int NOT NULL CHECK (stock >= 0), price numeric(8,2));
CREATE TABLE orders (
    id serial PRIMARY KEY,
    customer int NOT NULL REFERENCES customers,
    item int NOT NULL REFERENCES items,
    amount int NOT NULL,
    placed timestamptz DEFAULT now()
);
CREATE TABLE salaries (name text, pay numeric);
CREATE FUNCTION check_credit(who int) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE c numeric;
BEGIN
    SELECT credit INTO STRICT c FROM customers WHERE id = who;
    IF c < 20 THEN
        RAISE WARNING 'credit of customer % is low: %', who, c;
    END IF;
    RETURN c;
END $$;
INSERT INTO customers (name, email, credit) SELECT 'customer ' || n, 'c' || n || '@example.org', (n * 37) % 500 FROM generate_series(1, 400) n;
INSERT INTO items (title, stock, price) SELECT 'item ' || n, 100000, n * 1.25 FROM generate_series(1, 300) n;
INSERT INTO orders (customer, item, amount) SELECT 1 + n % 400, 1 + n % 300, 1 + n % 5 FROM generate_series(1, 20000) n;
GRANT SELECT, INSERT, UPDATE, DELETE ON customers, items, orders TO clerk, web;
GRANT SELECT ON customers, items, orders TO report;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO clerk, web;
"""

PASSWORDS = {"clerk": "clerk-pw", "report": "report-pw", "web": "web-pw", "backup": ""}

# {r} small number, {c} customer, {i} item
PLAIN = [
    "SELECT title, price FROM items WHERE id = {i};",
    "SELECT count(*) FROM orders WHERE customer = {c};",
    "INSERT INTO orders (customer, item, amount) VALUES ({c}, {i}, {r});",
    "UPDATE items SET stock = stock - {r} WHERE id = {i};",
    "UPDATE customers SET credit = credit + {r} WHERE id = {c};",
    "DELETE FROM orders WHERE customer = {c} AND amount > 6;",
    "SELECT check_credit({c});",
    "BEGIN; UPDATE items SET stock = stock - 1 WHERE id = {i}; INSERT INTO orders (customer, item, amount) VALUES ({c}, {i}, 1); COMMIT;",
]
READING = [statement for statement in PLAIN if statement.startswith("SELECT")]
WRONG = [
    "SELECT * FROM ordres WHERE id = {c};",
    "SELECT prise FROM items WHERE id = {i};",
    "SELECT o.stock FROM orders o WHERE id = {c};",
    "SELEC title FROM items;",
    "SELECT title FROM items WHERE id = {i} ORDER;",
    "INSERT INTO customers (name, email) VALUES ('again', 'c{c}@example.org');",
    "INSERT INTO customers (id, name) VALUES ({c}, 'José Núñez');",
    "INSERT INTO orders (customer, item, amount) VALUES ({c}999, {i}, 1);",
    "INSERT INTO orders (customer, item) VALUES ({c}, {i});",
    "INSERT INTO customers (name) VALUES (repeat('x', 4{r}));",
    "UPDATE items SET stock = -{r} WHERE id = {i};",
    "DELETE FROM items WHERE id = {i};",
    "SELECT price / ({r} - {r}) FROM items WHERE id = {i};",
    "SELECT 'abc{r}'::int;",
    "SELECT '2026-02-3{r}'::date;",
    "SELECT 'not json {r}'::json;",
    "SELECT * FROM salaries;",
    "SELECT check_credit({c}999);",
    "SELECT no_such_function({i});",
    "SELECT 30000::smallint * 30{r}::smallint;",
    "BEGIN; SELECT 1/0; SELECT {r}; COMMIT;",
    "SELECT E'caf\\xe9 {r}';",
    "SELECT 'unfinished\n  FROM items\n  WHERE id = {i} AND title = O''Neil';",
    "CREATE TABLE items (id int);",
    "DROP TABLE no_such_table_{r};",
    "SELECT customer,\n       sum(amount)\n  FROM orders\n WHERE item = {i};",
    "INSERT INTO orders (customer,\n                    item,\n                    amount)\nVALUES ({c}, 0{i}000, {r});",
]
SLOW = [
    "SELECT pg_sleep(0.1{r});",
    "SELECT pg_sleep(0.2{r}), count(*) FROM items;",
    "SELECT a.id\n  FROM orders a\n  JOIN orders b ON b.item = a.item\n WHERE a.customer = {c}\n ORDER BY b.placed DESC;",
    "SELECT customer, item, amount FROM orders ORDER BY amount, placed DESC OFFSET {i};",
    "SELECT count(DISTINCT (customer, item)) FROM orders;",
    "SET statement_timeout = 20{r}; SELECT pg_sleep(1); RESET statement_timeout;",
]
