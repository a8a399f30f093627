import { LosslessNumber } from 'lossless-json';
import { seededRandom, type SeededRandom } from './seeded-random.js';

/** Objects of the fixture org, by their API names. */
export type SalesforceFixtureObject = 'Contact' | 'Account' | 'Opportunity' | 'Invoice__c';

/** A value of a field; numbers to the digit. */
export type SalesforceValue = string | boolean | null | LosslessNumber;

/** One record as the fixture org holds it. */
export interface SalesforceFixtureRecord {
  readonly id: string;
  readonly fields: Readonly<Record<string, SalesforceValue>>;
  readonly createdAtMs: number;
  readonly changedAtMs: number;
  /** In the recycle bin. */
  readonly isDeleted: boolean;
  /** The transaction that made the change is committed at this step, with the time at which it began. */
  readonly committedAtStep: number;
}

/** How a fixture org lives. */
export interface SalesforceScript {
  readonly seed: number;
  /** Contacts at the start; accounts are a tenth of that, opportunities and invoices a fifth. */
  readonly contacts: number;
  /** Contacts of one import at each step, all with the very same time of change. */
  readonly imported: number;
  readonly steps: number;
  readonly stepMs: number;
  /** Time of the first step in the org, ISO 8601. */
  readonly startAt: string;
}

/** An org whose records change step by step, the same way for the same seed. */
export interface SalesforceState {
  /** Records whose change is committed, by id. */
  records(object: SalesforceFixtureObject): readonly SalesforceFixtureRecord[];
  advance(): void;
  isDone(): boolean;
}

/** Types of the fields of each object, as `describe` tells them, without those that every object has. */
export const salesforceFields: Readonly<Record<SalesforceFixtureObject, Readonly<Record<string, string>>>> = {
  Contact: {
    FirstName: 'string',
    LastName: 'string',
    Email: 'email',
    Phone: 'phone',
    MailingCity: 'string',
    MailingAddress: 'address',
    AccountId: 'reference',
    HasOptedOutOfEmail: 'boolean',
    Birthdate: 'date',
    Description: 'textarea',
    Lifetime_Value__c: 'currency',
  },
  Account: { Name: 'string', Industry: 'picklist', AnnualRevenue: 'currency', BillingAddress: 'address' },
  Opportunity: { Name: 'string', StageName: 'picklist', Amount: 'currency', CloseDate: 'date' },
  Invoice__c: { Name: 'string', Total__c: 'double', Paid__c: 'boolean' },
};

/** Three characters by which ids tell their object; the last three are a check of upper-case letters, of which there are none. */
const idPrefixes = { Contact: '003', Account: '001', Opportunity: '006', Invoice__c: 'a00' } as const;
const firstNames = ['Ada', 'Björn', 'Chidi', '道子', "D'Arcy", 'Émile'] as const;

/** Every step adds, changes, imports and deletes; a quarter of the changes are committed one step late. */
export function createSalesforceState(script: SalesforceScript): SalesforceState {
  const random = seededRandom(script.seed);
  const startMs = Date.parse(script.startAt);
  const names = Object.keys(idPrefixes) as SalesforceFixtureObject[];
  const objects = new Map(names.map((name) => [name, new Map<string, SalesforceFixtureRecord>()]));
  /** Changes that are not committed yet hide behind the record as it was. */
  const before = new Map<string, SalesforceFixtureRecord>();
  let step = 0;

  const tableOf = (object: SalesforceFixtureObject) =>
    objects.get(object) as Map<string, SalesforceFixtureRecord>;
  const add = (object: SalesforceFixtureObject, atMs: number): void => {
    const table = tableOf(object);
    const id = `${idPrefixes[object]}${String(table.size + 1).padStart(12, '0')}AAA`;
    const accounts = [...tableOf('Account').keys()];
    const fields = fieldsOf(random, object, table.size, accounts);
    const times = { createdAtMs: atMs, changedAtMs: atMs };
    table.set(id, { id, fields, ...times, isDeleted: false, committedAtStep: step });
  };
  const pickLive = (object: SalesforceFixtureObject): SalesforceFixtureRecord =>
    random.pick([...tableOf(object).values()].filter(({ isDeleted }) => !isDeleted));
  const change = (object: SalesforceFixtureObject, atMs: number, isLate: boolean): void => {
    const record = pickLive(object);
    const [name = ''] = Object.keys(record.fields);
    const fields = {
      ...record.fields,
      [name]: random.pick(['Łódź', 'São Paulo', 'line\nbreak', 'a "b", c', null]),
    };
    if (isLate) before.set(record.id, record);
    else before.delete(record.id);
    const committedAtStep = isLate ? step + 1 : step;
    tableOf(object).set(record.id, { ...record, fields, changedAtMs: atMs, committedAtStep });
  };
  const remove = (object: SalesforceFixtureObject, atMs: number): void => {
    const record = pickLive(object);
    before.delete(record.id);
    tableOf(object).set(record.id, { ...record, changedAtMs: atMs, isDeleted: true, committedAtStep: step });
  };

  const early = (): number => startMs - random.integer(1, 86_400_000);
  const counts = { Account: 10, Contact: 1, Opportunity: 5, Invoice__c: 5 } as const;
  for (const [object, share] of Object.entries(counts) as [SalesforceFixtureObject, number][])
    for (let count = 0; count < Math.ceil(script.contacts / share); count += 1) add(object, early());

  return {
    records: (object) =>
      [...tableOf(object).values()].map((record) =>
        record.committedAtStep <= step ? record : (before.get(record.id) ?? record),
      ),
    isDone: () => step >= script.steps,
    advance() {
      if (step >= script.steps) return;
      step += 1;
      const nowMs = startMs + step * script.stepMs;
      for (let count = 0; count < script.imported; count += 1) add('Contact', nowMs);
      for (const object of names) {
        add(object, nowMs + random.integer(1, 999));
        for (let count = random.integer(1, 4); count > 0; count -= 1)
          change(object, nowMs + random.integer(1, 999), random.chance(0.25) && step < script.steps);
        remove(object, nowMs + 1_000);
      }
    },
  };
}

function fieldsOf(
  random: SeededRandom,
  object: SalesforceFixtureObject,
  number: number,
  accounts: readonly string[],
): Record<string, SalesforceValue> {
  const money = (): LosslessNumber =>
    new LosslessNumber(`${String(random.integer(1, 999_999))}.${String(random.integer(10, 99))}`);
  if (object === 'Account')
    return {
      Name: `Account ${String(number)}`,
      Industry: null,
      AnnualRevenue: new LosslessNumber('12345678901234.56'),
    };
  if (object === 'Opportunity')
    return {
      Name: `Deal ${String(number)}`,
      StageName: 'Prospecting',
      Amount: money(),
      CloseDate: '2026-03-01',
    };
  if (object === 'Invoice__c')
    return { Name: `INV-${String(number)}`, Total__c: money(), Paid__c: random.chance(0.5) };
  return {
    MailingCity: 'Paris',
    FirstName: random.pick(firstNames),
    LastName: 'Example',
    Email: random.chance(0.95) ? `contact${String(number)}@example.com` : null,
    Phone: null,
    AccountId: accounts.length === 0 ? null : random.pick(accounts),
    HasOptedOutOfEmail: random.chance(0.2),
    Birthdate: null,
    Description: random.pick(['', 'says "hi", twice\nand more', 'plain']) || null,
    Lifetime_Value__c: money(),
  };
}
