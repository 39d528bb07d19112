{# SCD1: one row for each customer ever seen, as its highest sequence left it. A deleted customer's row stays, emptied: its
   sequence is what keeps an older event from bringing the customer back. The log position decides between two payloads
   of one sequence. -#}
{% from "parts/attributes.sql" import column_type -%}
CREATE TABLE IF NOT EXISTS {{ this }} (
    CUSTOMER_ID VARCHAR NOT NULL,
    SEQUENCE NUMBER(19,0) NOT NULL,
    EVENT_ID VARCHAR,
    EVENT_TIME TIMESTAMP_NTZ(3) NOT NULL,
    IS_DELETED BOOLEAN NOT NULL,
    PARTITION_ID NUMBER(10,0) NOT NULL,
    RECORD_OFFSET NUMBER(19,0) NOT NULL
{%- for attribute in attributes %},
    {{ attribute.column }} {{ column_type(attribute) }}
{%- endfor %}
)
    COMMENT = 'Every customer as its latest event left it (SCD1)'
