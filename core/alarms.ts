/** What an alarm is about. */
export type AlarmKind =
  /** A fire time passed without a run: server down beyond the catch-up window, or cut off by `catchupMaxRuns`. */
  | 'run-missed'
  /** A run was left out because another was going. */
  | 'run-skipped'
  /** The DAG was paused after too many failed runs. */
  | 'dag-paused';

/** An open alarm: one for each DAG and kind, however often it happens. */
export interface Alarm {
  /** `<dag>/<kind>/<time raised>`; the same in every notice about it. */
  readonly id: string;
  readonly dagId: string;
  readonly kind: AlarmKind;
  readonly raisedAt: string;
  /** Runs that it stands for so far. */
  readonly count: number;
  /** End of the last interval that it stands for; a run after it ends the alarm. */
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

/** The notice of a change of an alarm. */
export function noticeOf(alarm: Alarm, state: AlarmNotice['state'], at: string): AlarmNotice {
  return { id: `${alarm.id}/${state}`, state, alarm, at };
}
