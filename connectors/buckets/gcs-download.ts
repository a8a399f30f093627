import type { Readable } from 'node:stream';

/** A download of the client of Google, once its answer has begun. @throws the client's error where it is refused */
export function beginning(stream: Readable): Promise<Readable> {
  return new Promise<Readable>((resolve, reject) => {
    // Stays, so that an error that comes before the first reader is not one that nobody hears.
    stream.on('error', reject);
    stream.once('response', ({ statusCode }: { readonly statusCode?: number }) => {
      // An answer that is none is followed by its error.
      if (statusCode === undefined || statusCode < 300) resolve(stream);
    });
    // The client asks once somebody reads.
    stream.read(0);
  });
}
