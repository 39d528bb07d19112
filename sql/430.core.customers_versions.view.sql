{# As of a time t: VALID_FROM <= t AND (VALID_TO > t OR VALID_TO IS NULL). -#}
CREATE OR REPLACE VIEW {{ this }} COPY GRANTS
    COMMENT = 'Every version of every customer, valid from VALID_FROM until before VALID_TO'
AS
SELECT
    CUSTOMER_ID,
{%- for attribute in attributes %}
    {{ attribute.column }},
{%- endfor %}
    VALID_FROM,
    VALID_TO,
    IS_CURRENT,
    CHANGE,
    SEQUENCE,
    EVENT_ID
FROM {{ core }}.CUSTOMERS_HISTORY
WHERE CHANGE IN ('CREATE', 'UPDATE')
