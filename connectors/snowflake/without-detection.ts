/**
 * To be imported before the driver. As it is loaded, it would ask AWS (with whatever credentials the environment has), Azure
 * and Google for its surroundings, for the statistics of Snowflake alone, and go on for a while after its import. Whoever
 * wants that sets the variable to "false". https://docs.snowflake.com/en/developer-guide/node-js/nodejs-driver-options
 */
process.env['SNOWFLAKE_DISABLE_PLATFORM_DETECTION'] ??= 'true';
