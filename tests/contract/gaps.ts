/** What the peers (not the warehouses) cannot do, by the name of the contract's test that it would fail. */
export const peerGaps = {
  duckdb: {},
  snowflake: {
    'whole decimals of 38 digits': 'fakesnow keeps NUMBER(38, 0) in 64 bits',
    bytes: 'fakesnow reads hexadecimal digits as letters',
    'random bytes have the checksums of their hexadecimal digits':
      'fakesnow reads hexadecimal digits as letters',
  },
  bigquery: {
    'doubles that are no finite numbers have their words':
      'batches arrive as JSON, which has no such numbers, and no schema lets them through',
    'clashing, evolve: is widened without losing a digit, and the next load finds it so':
      'the emulator forgets precision and scale of a decimal',
    'each logical type comes back as itself': 'the emulator forgets precision and scale of a decimal',
    'values that a column has are found by their text':
      'the emulator forgets precision and scale of a decimal',
    'decimals are found by the text of their key': 'the emulator forgets precision and scale of a decimal',
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>;
