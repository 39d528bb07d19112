{# SCD2: one row for each event, with what it did. CREATE and UPDATE rows are the versions, valid in
   [VALID_FROM, VALID_TO); DELETE and UNCHANGED rows cover no time and are kept because a late event may change what
   their successors did. OPERATION, EVENT_TIME and the log position are what that judgement needs again. -#}
{% from "parts/attributes.sql" import column_type -%}
CREATE TABLE IF NOT EXISTS {{ this }} (
    CUSTOMER_ID VARCHAR NOT NULL,
    SEQUENCE NUMBER(19,0) NOT NULL,
    EVENT_ID VARCHAR,
    OPERATION VARCHAR NOT NULL,
    CHANGE VARCHAR NOT NULL,
    EVENT_TIME TIMESTAMP_NTZ(3) NOT NULL,
    VALID_FROM TIMESTAMP_NTZ(3) NOT NULL,
    VALID_TO TIMESTAMP_NTZ(3),
    IS_CURRENT BOOLEAN NOT NULL,
    PARTITION_ID NUMBER(10,0) NOT NULL,
    RECORD_OFFSET NUMBER(19,0) NOT NULL
{%- for attribute in attributes %},
    {{ attribute.column }} {{ column_type(attribute) }}
{%- endfor %}
)
    COMMENT = 'What every event did, and when each version of a customer was valid (SCD2)'
