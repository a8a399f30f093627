/** The part of `limits` that identity resolution has. */
export const identityLimits = {
  /** Identity: identifiers that are resolved at a time, more where one component has more. */
  identitySliceIdentifiers: 1_000,
  /** Identity: loads of a source that one resolve notes as read, ids and keys that one statement names. */
  identityMaxReadLoads: 100_000,
  identityValuesPerQuery: 2_000,
  /** Identity: ids that merges name and the graph lacks, from which on every resolve reads everything. */
  identityMaxAbsentIds: 500,
  /** Identity: identifiers and links that one resolve holds in memory. */
  identityMaxIdentifiers: 1_000_000,
  identityMaxLinks: 2_000_000,
  /** Identity: identifiers of one type that a person has at most where the author says nothing, and the most he may say. */
  identityDefaultPerPerson: 100,
  identityMaxPerPerson: 10_000,
  /** Identity: links between two persons that one merge names; a split cuts them all. */
  identityLinksPerMerge: 200,
  /** Identity: types of one graph, tables that it reads, columns of one table that hold identifiers. */
  identityMaxTypes: 20,
  identityMaxSources: 50,
  identityMaxColumns: 8,
  /** Identity: longest value of an identifier, in characters; longer ones are left out and counted. */
  identifierValueMaxLength: 512,
  /** Identity: times that a resolve begins again because another one of the same graph came in between. */
  identityMaxTries: 5,
  /** Identity: rows that one command shows. */
  identityShownRows: 1_000,
} as const;
