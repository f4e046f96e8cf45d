"""The mapping's history, and re-coding of what is in Xero"""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('mapping_saves',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('location_id', sa.Integer(), nullable=False),
    sa.Column('tenant_id', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('how', sa.String(length=20), nullable=False),
    sa.Column('push_ids', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['location_id'], ['locations.id'], name=op.f('fk_mapping_saves_location_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_mapping_saves_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mapping_saves'))
    )
    with op.batch_alter_table('mapping_saves', schema=None) as batch_op:
        batch_op.create_index('ix_mapping_saves_location_id_tenant_id', ['location_id', 'tenant_id'], unique=False)
    op.create_table('mapping_changes',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('save_id', sa.Integer(), nullable=False),
    sa.Column('location_id', sa.Integer(), nullable=False),
    sa.Column('tenant_id', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('key', sa.String(length=300), nullable=False),
    sa.Column('name', sa.String(length=300), nullable=False),
    sa.Column('from_value', sa.String(length=64), nullable=False),
    sa.Column('to_value', sa.String(length=64), nullable=False),
    sa.Column('from_label', sa.String(length=200), nullable=False),
    sa.Column('to_label', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['location_id'], ['locations.id'], name=op.f('fk_mapping_changes_location_id')),
    sa.ForeignKeyConstraint(['save_id'], ['mapping_saves.id'], name=op.f('fk_mapping_changes_save_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mapping_changes'))
    )
    with op.batch_alter_table('mapping_changes', schema=None) as batch_op:
        batch_op.create_index('ix_mapping_changes_location_id_tenant_id', ['location_id', 'tenant_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_mapping_changes_save_id'), ['save_id'], unique=False)
    op.create_table('recodings',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('location_id', sa.Integer(), nullable=False),
    sa.Column('tenant_id', sa.String(length=64), nullable=False),
    sa.Column('save_id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('cancelled_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['location_id'], ['locations.id'], name=op.f('fk_recodings_location_id')),
    sa.ForeignKeyConstraint(['save_id'], ['mapping_saves.id'], name=op.f('fk_recodings_save_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_recodings_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_recodings'))
    )
    with op.batch_alter_table('recodings', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_recodings_location_id'), ['location_id'], unique=False)
    op.create_table('recoded_invoices',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('recoding_id', sa.Integer(), nullable=False),
    sa.Column('invoice_id', sa.Integer(), nullable=False),
    sa.Column('push_id', sa.Integer(), nullable=True),
    sa.Column('outcome', sa.String(length=20), nullable=True),
    sa.Column('message', sa.String(length=1000), nullable=True),
    sa.ForeignKeyConstraint(['invoice_id'], ['invoices.id'], name=op.f('fk_recoded_invoices_invoice_id')),
    sa.ForeignKeyConstraint(['push_id'], ['pushes.id'], name=op.f('fk_recoded_invoices_push_id')),
    sa.ForeignKeyConstraint(['recoding_id'], ['recodings.id'], name=op.f('fk_recoded_invoices_recoding_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_recoded_invoices')),
    sa.UniqueConstraint('recoding_id', 'invoice_id', name=op.f('uq_recoded_invoices_recoding_id_invoice_id'))
    )
    with op.batch_alter_table('recoded_invoices', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_recoded_invoices_invoice_id'), ['invoice_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_recoded_invoices_push_id'), ['push_id'], unique=False)


def downgrade() -> None:
    op.execute("DELETE FROM attempts WHERE push_id IN (SELECT id FROM pushes WHERE operation = 'recode')")
    op.drop_table('recoded_invoices')
    op.execute("DELETE FROM pushes WHERE operation = 'recode'")
    for table in ('recodings', 'mapping_changes', 'mapping_saves'):
        op.drop_table(table)
