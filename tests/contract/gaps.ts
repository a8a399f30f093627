const untried = 'not tried on the emulator; only the text of the SQL is asserted';

/** What the peers (not the warehouses) cannot do, by the name of the contract's test that it would fail. */
export const peerGaps = {
  duckdb: {},
  snowflake: {
    'whole decimals of 38 digits': 'fakesnow keeps NUMBER(38, 0) in 64 bits',
    bytes: 'fakesnow reads hexadecimal digits as letters',
  },
  bigquery: {
    bytes: 'the emulator takes the base64 text of a load job for the bytes',
    'clashing, evolve: is widened without losing a digit, and the next load finds it so':
      'the emulator forgets precision and scale of a decimal',
    'each logical type comes back as itself': 'the emulator forgets precision and scale of a decimal',
    'values that a column has are found by their text':
      'the emulator forgets precision and scale of a decimal',
    'random transforms of random records end as the same rows, counts and quarantine': untried,
    'rows without a key go to the quarantine, as from the worker, and every row is counted': untried,
    'odd texts are normalised letter by letter, and rows kept by values of each type, as in the worker':
      untried,
    'steps that it cannot do are done by the worker, with the same outcome': untried,
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>;
