"""What was received is found by its location too, without passing over all that the location ever received"""

from alembic import op

revision = '0024'
down_revision = '0023'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index('ix_inbound_events_state_id', table_name='inbound_events')
    op.create_index('ix_inbound_events_state_location_id', 'inbound_events', ['state', 'location_id', 'id'])


def downgrade() -> None:
    op.drop_index('ix_inbound_events_state_location_id', table_name='inbound_events')
    op.create_index('ix_inbound_events_state_id', 'inbound_events', ['state', 'id'])
