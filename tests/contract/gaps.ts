/** What the peers (not the warehouses) cannot do, by the name of the contract's test that it would fail. */
export const peerGaps = {
  duckdb: {},
  snowflake: {
    'whole decimals of 38 digits': 'fakesnow keeps NUMBER(38, 0) in 64 bits',
    bytes: 'fakesnow reads hexadecimal digits as letters',
  },
  bigquery: {},
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>;
