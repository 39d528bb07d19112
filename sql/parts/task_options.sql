{%- if compute.kind == "warehouse" %}
    WAREHOUSE = {{ compute.name }}
{%- else %}
    USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE = {{ compute.size | literal }}
{%- endif %}
    SCHEDULE = {{ schedule | literal }}
