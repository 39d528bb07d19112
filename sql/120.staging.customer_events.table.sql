{# Every record ever loaded, as it came. The event stays a VARIANT, so that neither this table nor the pipe changes when
   the schema of the events does. RECORD_KEY is in hexadecimal. -#}
CREATE TABLE IF NOT EXISTS {{ this }} (
    EVENT VARIANT,
    TOPIC VARCHAR,
    PARTITION_ID NUMBER(10,0),
    RECORD_OFFSET NUMBER(19,0),
    RECORD_TIMESTAMP NUMBER(19,0),
    RECORD_KEY VARCHAR,
    HEADERS VARIANT,
    SCHEMA_ID NUMBER(10,0),
    FILE_NAME VARCHAR,
    FILE_ROW_NUMBER NUMBER(19,0),
    LOADED_AT TIMESTAMP_LTZ(3)
)
    COMMENT = 'Every record as it was loaded'
