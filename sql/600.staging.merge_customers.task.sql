{# One MERGE: the latest new event of each customer, where it is newer than what the row holds, or of the same sequence
   but at a lower log position. So events may come in any order, and any number of times. -#}
CREATE OR REPLACE TASK {{ this }}
{%- include "parts/task_options.sql" %}
    COMMENT = 'New events into CUSTOMERS'
WHEN
    SYSTEM$STREAM_HAS_DATA('{{ staging }}.CUSTOMERS_STREAM')
AS
MERGE INTO {{ core }}.CUSTOMERS AS KEPT
USING {{ staging }}.CUSTOMER_LATEST AS INCOMING
ON KEPT.CUSTOMER_ID = INCOMING.CUSTOMER_ID
WHEN MATCHED AND (
    INCOMING.SEQUENCE > KEPT.SEQUENCE
    OR (
        INCOMING.SEQUENCE = KEPT.SEQUENCE
        AND (
            INCOMING.PARTITION_ID < KEPT.PARTITION_ID
            OR (INCOMING.PARTITION_ID = KEPT.PARTITION_ID AND INCOMING.RECORD_OFFSET < KEPT.RECORD_OFFSET)
        )
    )
) THEN UPDATE SET
    SEQUENCE = INCOMING.SEQUENCE,
    EVENT_ID = INCOMING.EVENT_ID,
    EVENT_TIME = INCOMING.EVENT_TIME,
    IS_DELETED = INCOMING.IS_DELETED,
    PARTITION_ID = INCOMING.PARTITION_ID,
    RECORD_OFFSET = INCOMING.RECORD_OFFSET
{%- for attribute in attributes %},
    {{ attribute.column }} = INCOMING.{{ attribute.column }}
{%- endfor %}
WHEN NOT MATCHED THEN INSERT (
    CUSTOMER_ID,
    SEQUENCE,
    EVENT_ID,
    EVENT_TIME,
    IS_DELETED,
    PARTITION_ID,
    RECORD_OFFSET
{%- for attribute in attributes %},
    {{ attribute.column }}
{%- endfor %}
) VALUES (
    INCOMING.CUSTOMER_ID,
    INCOMING.SEQUENCE,
    INCOMING.EVENT_ID,
    INCOMING.EVENT_TIME,
    INCOMING.IS_DELETED,
    INCOMING.PARTITION_ID,
    INCOMING.RECORD_OFFSET
{%- for attribute in attributes %},
    INCOMING.{{ attribute.column }}
{%- endfor %}
)
