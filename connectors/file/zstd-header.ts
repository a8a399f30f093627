/** What a frame says about itself before its blocks (RFC 8878, section 3.1.1.1). */
export interface FrameHeader {
  /** The header as it stands in the file, the magic number before it. */
  readonly bytes: Uint8Array;
  /** How far back its blocks may refer: what a decoder has to keep. */
  readonly windowBytes: bigint;
  /** Size when it is unpacked, where the frame tells. */
  readonly contentBytes: bigint | undefined;
  readonly hasChecksum: boolean;
}

/** Magic number of a frame, and of frames that hold no content (RFC 8878, section 3.1.2). */
export const zstdMagic = 0xfd2fb528;

export function isSkippable(magic: number): boolean {
  return magic >= 0x184d2a50 && magic <= 0x184d2a5f;
}

/** Sizes of two fields, by the two bits that tell of each. */
const dictionaryIdBytes = [0, 1, 2, 4];
const contentSizeBytes = [0, 2, 4, 8];

/** Reads the header behind the magic number. */
export async function frameHeader(
  take: (bytes: number) => Promise<Uint8Array>,
): Promise<FrameHeader | { readonly problem: string }> {
  const descriptorBytes = await take(1);
  const [descriptor = 0] = descriptorBytes;
  if ((descriptor & 0x08) !== 0) return { problem: 'its header is of no known version' };
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const window = await take(isSingleSegment ? 0 : 1);
  const dictionary = await take(dictionaryIdBytes[descriptor & 3] as number);
  const size = await take(sizeFlag === 0 && isSingleSegment ? 1 : (contentSizeBytes[sizeFlag] as number));
  if (dictionary.some((byte) => byte !== 0)) return { problem: 'it needs a dictionary' };
  // Two bytes count from 256 on: smaller sizes have one.
  const contentBytes = size.length === 0 ? undefined : numberOf(size) + (size.length === 2 ? 256n : 0n);
  const magic = Buffer.alloc(4);
  magic.writeUInt32LE(zstdMagic);
  return {
    bytes: Buffer.concat([magic, descriptorBytes, window, dictionary, size]),
    windowBytes: isSingleSegment ? (contentBytes ?? 0n) : windowOf(window[0] ?? 0),
    contentBytes,
    hasChecksum: (descriptor & 0x04) !== 0,
  };
}

/** Five bits of exponent, three of mantissa (RFC 8878, section 3.1.1.1.2). */
function windowOf(descriptor: number): bigint {
  const base = 1n << BigInt(10 + (descriptor >> 3));
  return base + (base / 8n) * BigInt(descriptor & 7);
}

function numberOf(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);
}
