{# A record that came in several files is listed once. -#}
{% from "parts/attributes.sql" import converted, column_type -%}
{% set source = staging ~ ".CUSTOMER_EVENTS" -%}
CREATE OR REPLACE VIEW {{ this }} COPY GRANTS
    COMMENT = 'Events that cannot be applied, and why'
AS
WITH {% include "parts/judged_events.sql" %}
SELECT
    PARTITION_ID,
    RECORD_OFFSET,
    REASON,
    CUSTOMER_ID,
    SEQUENCE,
    EVENT_ID,
    SCHEMA_ID,
    FILE_NAME,
    FILE_ROW_NUMBER,
    LOADED_AT,
    EVENT
FROM JUDGED
WHERE REASON IS NOT NULL
QUALIFY ROW_NUMBER() OVER (PARTITION BY PARTITION_ID, RECORD_OFFSET, REASON ORDER BY FILE_NAME, FILE_ROW_NUMBER) = 1
