/* What a depot does. */
#ifndef EXAMPLES_PARCEL_H
#define EXAMPLES_PARCEL_H

#define PARCEL_STORE 1 /* a stream to it; the verdict's value names the parcel */
#define PARCEL_FETCH 2 /* chunks of the parcel that the reader's stream names */

#endif
