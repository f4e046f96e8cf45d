"""The audit trail is read in pages, and the database refuses to change or delete an entry"""

from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None

# A later batch change of this table on SQLite makes it anew and must make these again.
SQLITE = (
    "CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries BEGIN SELECT RAISE(ABORT, 'append-only'); END",
    "CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries BEGIN SELECT RAISE(ABORT, 'append-only'); END",
)
POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION audit_entries_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'append-only'; END $$",
    "CREATE TRIGGER audit_entries_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_append_only()",
)


def upgrade() -> None:
    with op.batch_alter_table('audit_entries', schema=None) as batch_op:
        batch_op.drop_index('ix_audit_entries_agency_id')
        batch_op.drop_index('ix_audit_entries_location_id')
        batch_op.create_index('ix_audit_entries_agency_id_id', ['agency_id', 'id'], unique=False)
        batch_op.create_index('ix_audit_entries_location_id_id', ['location_id', 'id'], unique=False)
    for rule in SQLITE if op.get_bind().dialect.name == 'sqlite' else POSTGRESQL:
        op.execute(rule)


def downgrade() -> None:
    if op.get_bind().dialect.name == 'sqlite':
        op.execute("DROP TRIGGER audit_entries_no_delete")
        op.execute("DROP TRIGGER audit_entries_no_update")
    else:
        op.execute("DROP TRIGGER audit_entries_no_change ON audit_entries")
        op.execute("DROP FUNCTION audit_entries_append_only()")
    with op.batch_alter_table('audit_entries', schema=None) as batch_op:
        batch_op.drop_index('ix_audit_entries_location_id_id')
        batch_op.drop_index('ix_audit_entries_agency_id_id')
        batch_op.create_index('ix_audit_entries_location_id', ['location_id'], unique=False)
        batch_op.create_index('ix_audit_entries_agency_id', ['agency_id'], unique=False)
