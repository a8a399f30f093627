/** A feature of warehouses, with the test of the contract suite that shows it on each. */
export interface WarehouseFeature {
  readonly feature: string;
  /** File of the suite, under `tests/contract/suite/`. */
  readonly file: string;
  /** Title of the test, as it stands there. */
  readonly title: string;
}

/** The columns: each warehouse, what plays it in the suite, and what runs the suite. */
export const warehouses = [
  { name: 'duckdb', heading: 'DuckDB', player: 'itself', test: 'tests/contract/duckdb.test.ts' },
  { name: 'snowflake', heading: 'Snowflake', player: 'fakesnow', test: 'tests/contract/snowflake.test.ts' },
  { name: 'bigquery', heading: 'BigQuery', player: 'its emulator', test: 'tests/contract/bigquery.test.ts' },
] as const;

const of =
  (file: string) =>
  (feature: string, title: string): WarehouseFeature => ({ feature, file, title });
const loading = of('loading.ts');
const evolution = of('evolution.ts');
const strategies = of('strategies.ts');
const deletions = of('deletions.ts');
const types = of('types.ts');
const identifiers = of('identifiers.ts');
const combining = of('combining.ts');
const comparing = of('comparing.ts');
const checksums = of('checksums.ts');
const unnesting = of('unnesting.ts');
const workers = of('workers.ts');
const differential = of('differential.ts');
const transforms = of('transforms.ts');

/** The rows of the matrix. */
export const warehouseFeatures: readonly WarehouseFeature[] = [
  loading(
    'upsert: greatest version',
    'keeps the greatest version of a key within a batch and against the stored row',
  ),
  loading('upsert: repeated row', 'calls a row with the same version and content unchanged'),
  loading('upsert: tie of versions', 'of two contents of one version, the one extracted later stays'),
  loading('upsert: tombstones', 'does not let an older insert revive a deleted row; a newer one does'),
  loading('upsert: null key', 'puts a null key into quarantine and loads the rest'),
  strategies('insert-only', 'insert-only adds new keys and touches no stored row'),
  strategies('delete-insert', 'delete-insert replaces each group that the batch names, and no other'),
  unnesting(
    'child tables: unnest',
    'elements of random parents are those of the latest version of each, in whatever batches they come',
  ),
  unnesting(
    'child tables: emptied, deleted, late',
    'a parent that is emptied or deleted takes its elements away, and a late version brings none back',
  ),
  strategies('scd2', 'scd2 keeps every version with its time of validity'),
  strategies('hard delete', 'a column that says deleted deletes the row, and keeps older ones out'),
  deletions(
    'hard delete: the value as it came',
    'the column that says deleted deletes though the table does not get it',
  ),
  deletions(
    'scd2: deletions in any order',
    'scd2: a deletion at the version of a row ends that version, in whatever order they come',
  ),
  deletions(
    'no version becomes text',
    'a version that would become text is refused, since late data would win',
  ),
  loading('append', 'append adds every row'),
  loading('replace', 'replace leaves the rows of the last load only'),
  loading('commit marker', 'the same load again changes nothing and returns the first marker'),
  loading('fence', 'a writer with a stale fence is refused and leaves nothing'),
  loading('cursor from markers', 'the cursor is read from the last marker'),
  loading(
    'cursor of several loads',
    'of several loads the slowest holds the cursor back; one that is no more does not',
  ),
  loading('count equation', 'counts that do not add up stop the load'),
  loading('quarantine', 'keeps reason, place and original text, once'),
  loading('replay', 'a replay settles its rows in the same transaction'),
  loading('read-only queries', 'a query that does not only read is refused'),
  evolution('new columns', 'new, evolve: is added'),
  evolution('missing columns', 'missing, evolve: loads NULL'),
  evolution(
    'widened columns',
    'clashing, evolve: is widened without losing a digit, and the next load finds it so',
  ),
  types('64-bit integers', 'whole numbers beyond 2^53'),
  types('decimals', 'decimals of 38 digits'),
  types('decimals without a point', 'whole decimals of 38 digits'),
  types('microseconds', 'instants to the microsecond, before 1970 too'),
  types('bytes', 'bytes'),
  types('JSON', 'JSON, letter by letter'),
  types('odd texts', 'an empty text, NULL and odd letters'),
  identifiers(
    'names of columns',
    'a hostile column name is refused or stored as it is, and the table is still there',
  ),
  identifiers('names of tables', 'a hostile table name is refused or stored as it is'),
  identifiers('hostile values', 'hostile values of a load go nowhere but into its rows'),
  identifiers(
    'values are bound',
    'values of rows, cursors, ids and quarantine are in no statement that a server was asked for',
  ),
  combining(
    'reading for identity graphs',
    'of values come once each, as text, with their first and last instants',
  ),
  comparing('reconcile', 'names what is missing, what is extra and what has other content'),
  checksums(
    'reconcile by checksums',
    'random rows have the checksums that the canonical text gives, by bucket',
  ),
  checksums(
    'differing keys by kind',
    'keys of the buckets that differ are told apart by kind, records in quarantine aside',
  ),
  workers('many workers', 'loads of one table at once, by several workers, all arrive'),
  workers('delivered twice at once', 'the same load delivered twice, to two workers at once, happens once'),
  workers('interval taken over', 'of two workers at one interval, the one that claimed last holds it'),
  differential('same as DuckDB', 'random batches end as the same rows and counts'),
  transforms(
    'transforms there',
    'random transforms of random records end as the same rows, counts and quarantine',
  ),
  transforms(
    'transforms there: quarantine',
    'rows without a key go to the quarantine, as from the worker, and every row is counted',
  ),
  transforms(
    'transforms there: texts, types',
    'odd texts are normalised letter by letter, and rows kept by values of each type, as in the worker',
  ),
  transforms(
    'transforms left to the worker',
    'steps that it cannot do are done by the worker, with the same outcome',
  ),
];

/** What no peer can show: a real account has to. */
export const onlyOnAnAccount: readonly string[] = [
  'Snowflake: logins other than by password (key pair, OAuth, single sign-on, workload identity), roles and grants',
  'Snowflake: `PUT` to a stage in a cloud store, `COPY INTO` as the service reads files, and what fakesnow lacks above',
  'Snowflake: transactions that wait for each other on a busy warehouse, a warehouse suspended in the midst of a load',
  'BigQuery: service accounts, default credentials, workload identity, and the rights they need',
  'BigQuery: `ROLLBACK` of a script, transactions aborted by concurrent ones, jobs that stay pending in a queue',
  'BigQuery: the Storage Write API as the service has it: its speed, its quotas, a table that is not known at once',
  'BigQuery: limits of bytes billed, quotas, tables that expire by themselves',
  'both: partitions and clusters, names as long as the service allows, cost, speed',
];
