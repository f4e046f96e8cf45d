"""What was received above what is owed is known apart from the payment that it came with"""

import sqlalchemy as sa
from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('payments', schema=None) as batch_op:
        batch_op.add_column(sa.Column('surplus_of_id', sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            op.f('fk_payments_surplus_of_id'), 'payments', ['surplus_of_id'], ['id']
        )


def downgrade() -> None:
    op.execute("DELETE FROM pushes WHERE operation = 'overpay'")
    with op.batch_alter_table('payments', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('fk_payments_surplus_of_id'), type_='foreignkey')
        batch_op.drop_column('surplus_of_id')
