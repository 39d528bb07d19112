{# The CTEs NAMED, OPENED, UNTAGGED, EXTRACTED and JUDGED: the events of `source` out of their VARIANT, each with the REASON why it
   cannot be applied, or NULL. Engines evaluate conditions in any order, so no expression may fail whatever the VARIANT holds.
   A record without a value (tombstone) is not an event; its VARIANT is the JSON null or NULL, and neither passes the filter.
   Where a topic has several record types, the value column of its files is a union of them. A loader may show a value of a
   union as the record itself or as an object with one member, named like the type, that holds it. Both give the same PAYLOAD: an
   event has more than one field. GET takes no empty name, which a type does not have and a map's key may be.
   An event's time may lie a day beyond the log's: one further ahead would hold VALID_FROM for ever. -#}
NAMED AS (
    SELECT
        OBJECT_KEYS(IFF(TYPEOF(EVENT) = 'OBJECT', EVENT, NULL)) AS MEMBERS,
        RECORD_TIMESTAMP,
        PARTITION_ID,
        RECORD_OFFSET,
        SCHEMA_ID,
        FILE_NAME,
        FILE_ROW_NUMBER,
        LOADED_AT,
        EVENT
    FROM {{ source }}
    WHERE TYPEOF(EVENT) <> 'NULL_VALUE'
),
OPENED AS (
    SELECT
        *,
        GET(EVENT, IFF(ARRAY_SIZE(MEMBERS) = 1, NULLIF(GET(MEMBERS, 0)::VARCHAR, ''), NULL)) AS ONLY_MEMBER
    FROM NAMED
),
UNTAGGED AS (
    SELECT
        *,
        IFF(TYPEOF(ONLY_MEMBER) = 'OBJECT', ONLY_MEMBER, EVENT) AS PAYLOAD
    FROM OPENED
),
EXTRACTED AS (
    SELECT
        IFF(TYPEOF(PAYLOAD:customer_id) = 'VARCHAR', PAYLOAD:customer_id::VARCHAR, NULL) AS CUSTOMER_ID,
        IFF(TYPEOF(PAYLOAD:sequence) = 'INTEGER', TRY_TO_NUMBER(PAYLOAD:sequence::VARCHAR, 19, 0), NULL) AS SEQUENCE,
        PAYLOAD:event_id::VARCHAR AS EVENT_ID,
        PAYLOAD:operation::VARCHAR AS OPERATION,
        IFF(TYPEOF(PAYLOAD:event_time) = 'INTEGER', TRY_TO_NUMBER(PAYLOAD:event_time::VARCHAR, 19, 0), NULL) AS EVENT_MILLIS,
        LEAST(COALESCE(RECORD_TIMESTAMP + {{ day }}, {{ end_of_time }}), {{ end_of_time }}) AS LATEST_MILLIS,
        TYPEOF(PAYLOAD:customer) AS CUSTOMER_TYPE,
{%- for attribute in attributes if attribute.type != "string" %}
        PAYLOAD:customer.{{ attribute.field }}::VARCHAR AS {{ attribute.column }}_TEXT,
{%- endfor %}
{%- for attribute in attributes %}
        {{ converted(attribute) }} AS {{ attribute.column }},
{%- endfor %}
        PARTITION_ID,
        RECORD_OFFSET,
        SCHEMA_ID,
        FILE_NAME,
        FILE_ROW_NUMBER,
        LOADED_AT,
        EVENT
    FROM UNTAGGED
),
JUDGED AS (
    SELECT
        CUSTOMER_ID,
        SEQUENCE,
        EVENT_ID,
        OPERATION,
        TO_TIMESTAMP_NTZ(LEAST(GREATEST(EVENT_MILLIS, 0), {{ end_of_time }}), 3)::TIMESTAMP_NTZ(3) AS EVENT_TIME,
{%- for attribute in attributes %}
        IFF(OPERATION = 'DELETE', NULL, {{ attribute.column }}) AS {{ attribute.column }},
{%- endfor %}
        PARTITION_ID,
        RECORD_OFFSET,
        SCHEMA_ID,
        FILE_NAME,
        FILE_ROW_NUMBER,
        LOADED_AT,
        EVENT,
        CASE
            WHEN CUSTOMER_ID IS NULL OR CUSTOMER_ID = '' THEN 'missing customer_id'
            WHEN SEQUENCE IS NULL THEN 'missing sequence'
            WHEN SEQUENCE < 1 THEN 'sequence below 1'
            WHEN EVENT_MILLIS IS NULL THEN 'missing event_time'
            WHEN EVENT_MILLIS < 0 OR EVENT_MILLIS > LATEST_MILLIS THEN 'event_time out of range'
            WHEN OPERATION IS NULL OR OPERATION NOT IN ('CREATE', 'UPDATE', 'DELETE') THEN 'unknown operation'
            WHEN OPERATION = 'DELETE' THEN NULL
            WHEN CUSTOMER_TYPE IS NULL OR CUSTOMER_TYPE <> 'OBJECT' THEN 'missing customer'
{%- for attribute in attributes if attribute.type != "string" %}
            WHEN {{ attribute.column }}_TEXT IS NOT NULL AND {{ attribute.column }} IS NULL
                THEN 'customer.{{ attribute.field }} is not {{ column_type(attribute) }}'
{%- endfor %}
            ELSE NULL
        END AS REASON
    FROM EXTRACTED
)
