/** Alarms that the watch of a schedule raises. */
export type ScheduleAlarmKind =
  /** A fire time passed without a run: server down beyond the catch-up window, or cut off by `catchupMaxRuns`. */
  | 'run-missed'
  /** A run was left out because another was going. */
  | 'run-skipped'
  /** The DAG was paused after too many failed runs. */
  | 'dag-paused';

/** Alarms that workers raise, about runs and data. */
export type DataAlarmKind =
  /** A run failed; a later run that succeeds ends it. */
  | 'run-failed'
  /** A batch does not look like those before it. */
  | 'anomaly'
  /** A load changed the columns of its table. */
  | 'schema-change'
  /** More than `alarms.quarantineOver` of a load's rows were quarantined. */
  | 'quarantine-rate'
  /** A table has had no load for longer than its load task's `freshWithin`. */
  | 'lag';

/** What an alarm is about. */
export type AlarmKind = ScheduleAlarmKind | DataAlarmKind | 'test';

/** Every kind, for settings and messages. */
export const alarmKinds = [
  'run-missed',
  'run-skipped',
  'dag-paused',
  'run-failed',
  'anomaly',
  'schema-change',
  'quarantine-rate',
  'lag',
] as const satisfies readonly AlarmKind[];

/** An open alarm: one for each DAG, kind and subject, however often it happens. */
export interface Alarm {
  /** `<dag>/<kind>/<time raised>`, with the subject before the time; the same in every notice about it. */
  readonly id: string;
  readonly dagId: string;
  readonly kind: AlarmKind;
  /** What of the DAG it is about, where it is not all of it: a table, or a task. */
  readonly subject?: string;
  readonly raisedAt: string;
  /** Runs that it stands for so far. */
  readonly count: number;
  /** End of the last interval that it stands for, or when it last happened; what is well after it ends the alarm. */
  readonly lastAt: string;
  readonly message: string;
}

/** One message to people: that an alarm was raised, or that it is over. */
export interface AlarmNotice {
  /** Unique; a notice that is delivered twice has the same. */
  readonly id: string;
  readonly state: 'raised' | 'recovered';
  readonly alarm: Alarm;
  readonly at: string;
}

/** Where notices go. Each sink receives every notice at least once; a repeat has the same id. */
export interface AlarmSink {
  readonly name: string;
  send(notice: AlarmNotice, signal: AbortSignal): Promise<void>;
}

/** Which notices go to which sinks. */
export interface AlarmRoute {
  readonly kinds?: readonly AlarmKind[];
  readonly dags?: readonly string[];
  readonly sinks: readonly string[];
}

/** What happened, for an alarm that is raised by it. */
export interface Incident {
  readonly dagId: string;
  readonly kind: DataAlarmKind;
  readonly subject?: string;
  readonly at: string;
  /** What happened, by identity: telling of it again adds nothing. */
  readonly occurrence: string;
  readonly message: string;
}

/** Where workers raise and end alarms. */
export interface AlarmBook {
  /** Raises an alarm, or adds to the one that is open, which tells nobody again. */
  raise(incident: Incident): Promise<void>;
  /** Ends the open alarm, unless something of it happened at or after `at`. */
  recover(alarm: Pick<Incident, 'dagId' | 'kind' | 'subject' | 'at'>): Promise<void>;
  /** Takes a notice that was made elsewhere. */
  forward(notice: AlarmNotice): Promise<void>;
}

/** The notice of a change of an alarm. */
export function noticeOf(alarm: Alarm, state: AlarmNotice['state'], at: string): AlarmNotice {
  return { id: `${alarm.id}/${state}`, state, alarm, at };
}

/**
 * Names of the sinks that a notice goes to: those of every route that fits it, or all where none does. The log gets every
 * notice.
 */
export function sinksFor(
  { alarm }: AlarmNotice,
  sinks: readonly string[],
  routes: readonly AlarmRoute[],
): string[] {
  const fitting = routes.filter(
    ({ kinds, dags }) =>
      (kinds === undefined || kinds.includes(alarm.kind)) &&
      (dags === undefined || dags.includes(alarm.dagId)),
  );
  if (fitting.length === 0) return [...sinks];
  const chosen = new Set(['log', ...fitting.flatMap((route) => route.sinks)]);
  return sinks.filter((name) => chosen.has(name));
}
