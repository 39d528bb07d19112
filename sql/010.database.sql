CREATE DATABASE IF NOT EXISTS {{ this }}
    COMMENT = 'Customers from the topic {{ topic }}'
