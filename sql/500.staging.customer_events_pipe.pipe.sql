{# Never changes when the events' schema does, so that it never needs replacing, which would forget the files it loaded. -#}
CREATE PIPE IF NOT EXISTS {{ this }}
    AUTO_INGEST = TRUE
    COMMENT = 'Files of the sink into CUSTOMER_EVENTS'
AS
COPY INTO {{ staging }}.CUSTOMER_EVENTS (
    EVENT,
    TOPIC,
    PARTITION_ID,
    RECORD_OFFSET,
    RECORD_TIMESTAMP,
    RECORD_KEY,
    HEADERS,
    SCHEMA_ID,
    FILE_NAME,
    FILE_ROW_NUMBER,
    LOADED_AT
)
FROM (
    SELECT
        $1:value,
        $1:topic::VARCHAR,
        $1:partition::NUMBER(10,0),
        $1:offset::NUMBER(19,0),
        $1:timestamp::NUMBER(19,0),
        $1:key::VARCHAR,
        $1:headers,
        $1:schema_id::NUMBER(10,0),
        METADATA$FILENAME,
        METADATA$FILE_ROW_NUMBER,
        METADATA$START_SCAN_TIME
    FROM @{{ staging }}.CUSTOMER_EVENTS_STAGE
)
FILE_FORMAT = (FORMAT_NAME = '{{ staging }}.CUSTOMER_EVENTS_AVRO')
