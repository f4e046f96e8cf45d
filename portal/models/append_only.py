"""Rules of the database by which rows of a table are only ever added."""

SQLITE = (
    "CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, 'append-only'); END",
    "CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, 'append-only'); END",
)
POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'append-only'; END $$",
    "CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
    "FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()",
)


def rules(table: str) -> list[tuple[str, str]]:
    """Pairs of a dialect's name and a statement that makes one rule for this table."""
    kept = {"sqlite": SQLITE, "postgresql": POSTGRESQL}
    return [(name, rule.format(table=table)) for name, group in kept.items() for rule in group]
