{# Only where tasks run in a warehouse of the user's: serverless tasks need none. Auto-suspend at its least bill, a minute. -#}
{% if compute.kind == "warehouse" -%}
CREATE WAREHOUSE IF NOT EXISTS {{ this }}
    WAREHOUSE_SIZE = {{ compute.size | literal }}
    AUTO_SUSPEND = 60
    AUTO_RESUME = TRUE
    INITIALLY_SUSPENDED = TRUE
{%- endif %}
