{# What CUSTOMERS_HISTORY has not seen yet: every event that can be applied, one for each customer and sequence, of two
   payloads that claim one the one at the lower log position. Reading it in DML moves the stream on. -#}
{% from "parts/attributes.sql" import converted, column_type -%}
{% set source = staging ~ ".CUSTOMERS_HISTORY_STREAM" -%}
CREATE OR REPLACE VIEW {{ this }} COPY GRANTS
    COMMENT = 'New events, one for each customer and sequence'
AS
WITH {% include "parts/judged_events.sql" %}
SELECT
    CUSTOMER_ID,
    SEQUENCE,
    EVENT_ID,
    OPERATION,
    EVENT_TIME,
    PARTITION_ID,
    RECORD_OFFSET
{%- for attribute in attributes %},
    {{ attribute.column }}
{%- endfor %}
FROM JUDGED
WHERE REASON IS NULL
QUALIFY ROW_NUMBER() OVER (PARTITION BY CUSTOMER_ID, SEQUENCE ORDER BY PARTITION_ID, RECORD_OFFSET) = 1
