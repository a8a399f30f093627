/** Names of messages that are sent from where the workflows' own definitions cannot be loaded. */
export const statesQueryName = 'states';
export const recallQueryName = 'recall';
export const recallEntriesQueryName = 'recallEntries';
