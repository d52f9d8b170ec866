"""The options of choices whose modules are not in folders yet: parsed, never imported. To be deleted with `_stub`."""
# ruff: noqa: F821, N801, N805


class training_architectures:
    class cnn2d:
        "The network of the public RSNA-MICCAI entry."

        def build(shape, classes):
            """Two convolutions over images of 0..255, softmax outputs.

            182,466 parameters at shape (32, 32, 1) with 2 outputs.

            Parameters
            ----------
            shape : tuple of int
                (height, width, channels), at least 7 x 7.
            classes : int
                Number of outputs, at least 2.
            """

    class conv1d:
        "The network of the public BirdCLEF 2021 entry."

        def build(shape, classes):
            """One-dimensional convolutions over the magnitudes of one Fourier transform, sigmoid outputs.

            They run over the rows of `fft_frames` features; the bins of a row are its features. 347,313 parameters, of which
            347,057 are trained, at shape (100, 800, 1) with 49 outputs.

            Parameters
            ----------
            shape : tuple of int
                (frames, bins, channels), with at least 49 frames.
            classes : int
                Number of outputs.
            """

    class picture_cnn:
        "A compact residual network for images."

        def build(
            shape,
            classes,
            *,
            filters: Counts = (32, 64, 128, 256),
            dropout: ShareBelowOne = 0.2,
            outputs: Literal["softmax", "sigmoid"] = "softmax",
            scaling: Literal["symmetric", "imagenet"] = "symmetric",
        ):
            """Residual blocks and global average pooling over images of 0..255, of any size.

            The stem halves both axes. So does each block after it: the first of its two convolutions on the one path, average
            pooling on the other.

            Parameters
            ----------
            shape : tuple of int
                (height, width, channels).
            classes : int
                Number of outputs; at least 2 with softmax.
            filters : sequence of int
                Filters of the stem and of each block after it.
            dropout : float
                Share of the pooled features that is dropped.
            outputs : {"softmax", "sigmoid"}
                softmax for one class an example, sigmoid for several.
            scaling : {"symmetric", "imagenet"}
                symmetric scales images to -1..1; imagenet standardises by ImageNet's mean and standard deviation (3 channels).
            """

    class resnet34:
        "The 34-layer residual network as torchvision has it."

        def build(shape, classes):
            """Residual network for colour images of 0..255, softmax outputs.

            K. He et al., "Deep Residual Learning for Image Recognition", CVPR 2016. 54,373,172 trained parameters with
            64,500 outputs. The first layer standardises by ImageNet's mean and standard deviation.

            Parameters
            ----------
            shape : tuple of int
                (height, width, 3).
            classes : int
                Number of outputs, at least 2.
            """

    class resnet50:
        "The network of the public RFCX notebook."

        def build(shape, classes):
            """ResNet50 without its top, average pooling, and a head of two dense layers with softmax outputs.

            25,716,504 parameters at shape (256, 1876, 1) with 24 classes.

            Parameters
            ----------
            shape : tuple of int
                (height, width, channels).
            classes : int
                Number of outputs, at least 2.
            """

    class sed_cnn:
        "A compact convolutional network for sound event detection."

        def build(
            shape,
            classes,
            *,
            filters: Counts = (16, 32, 64, 96),
            dense: Count = 128,
            dropout: ShareBelowOne = 0.3,
        ):
            """Attention pooling over time and sigmoid outputs.

            The stem takes every second band and frame, and its pooling halves both again; each further block halves both
            axes. Frequency is kept as features, time is pooled by attention.

            Parameters
            ----------
            shape : tuple of int
                (bands, frames, 1).
            classes : int
                Number of outputs.
            filters : sequence of int
                Filters of the stem and of each block after it.
            dense : int
                Features of a frame.
            dropout : float
                Share of a frame's features that is dropped, before and after the dense layer.
            """


class training_losses:
    class binary_crossentropy:
        "Binary cross-entropy of labels of which some are unknown."

        def build(*, unknown_weight: Share = 0.0):
            """The weighted mean, over an example's classes, of the binary cross-entropy.

            Parameters
            ----------
            unknown_weight : float
                Weight of an unknown label, which then counts as absent: from 0 (ignored) to 1 (like any absent label).
            """

    class categorical_crossentropy:
        "Categorical cross-entropy of the class of an example's centred event."

        def build(*, label_smoothing: Share = 0.0):
            """Keras' categorical cross-entropy.

            Parameters
            ----------
            label_smoothing : float
                Share of the target that is spread evenly over all classes.
            """


class audio_transforms:
    class gaussian_noise_snr:
        "White noise."

        class GaussianNoiseSNR:
            """Add white Gaussian noise at a signal-to-noise ratio drawn for each copy; silence stays silent.

            Parameters
            ----------
            min_snr, max_snr : float
                Bounds of the ratio, dB.
            snr : {"rms", "peak"}
                `rms`: ratio of mean powers; `peak`: of the largest magnitudes, as the public notebook has it.
            p : float
                Probability that the transform is applied.
            """

            def __init__(
                self,
                *,
                min_snr: Decibels,
                max_snr: Decibels,
                snr: Literal["rms", "peak"] = "rms",
                p: Share = 1.0,
            ):
                pass

    class pink_noise_snr:
        "Pink noise."

        class PinkNoiseSNR:
            """Add noise whose power falls as 1/f at a signal-to-noise ratio drawn for each copy; silence stays silent.

            Parameters
            ----------
            min_snr, max_snr : float
                Bounds of the ratio, dB.
            snr : {"rms", "peak"}
                `rms`: ratio of mean powers; `peak`: of the largest magnitudes, as the public notebook has it.
            p : float
                Probability that the transform is applied.
            """

            def __init__(
                self,
                *,
                min_snr: Decibels,
                max_snr: Decibels,
                snr: Literal["rms", "peak"] = "rms",
                p: Share = 1.0,
            ):
                pass

    class pitch_shift:
        "A shift of the pitch."

        class PitchShift:
            """Shift the pitch by a whole number of semitones; the pace stays the same.

            Parameters
            ----------
            max_steps : int
                The shift is drawn from -`max_steps` to `max_steps` - 1 semitones.
            p : float
                Probability that the transform is applied.
            """

            def __init__(self, *, max_steps: Semitones, p: Share = 1.0):
                pass

    class time_shift:
        "A shift in time."

        class TimeShift:
            """Shift the waveform within its window.

            Parameters
            ----------
            max_shift : float
                Largest shift in either direction, s.
            padding : {"replace", "zero"}
                `replace`: what leaves the window comes in on the other side; `zero`: silence comes in, so that an event may be lost
                from a window that was clamped to its recording's edge.
            p : float
                Probability that the transform is applied.
            """

            def __init__(
                self,
                *,
                max_shift: NonNegative,
                padding: Literal["replace", "zero"] = "replace",
                p: Share = 1.0,
            ):
                pass

    class volume_control:
        "A change of the volume."

        class VolumeControl:
            """Change the volume, by the same gain everywhere or along a curve over the window.

            Parameters
            ----------
            db_limit : float
                Largest gain or attenuation, dB.
            mode : {"uniform", "fade", "cosine", "sine"}
                `uniform`: the whole window by the same gain; `fade`: all of the gain at the start and, linearly, none at the end;
                `cosine` and `sine`: along one period over the window.
            p : float
                Probability that the transform is applied.
            """

            def __init__(
                self,
                *,
                db_limit: NonNegative,
                mode: Literal["uniform", "fade", "cosine", "sine"] = "uniform",
                p: Share = 1.0,
            ):
                pass


class images_transforms:
    class colour_jitter:
        "Changes of brightness, contrast, saturation and hue."

        class ColourJitter:
            """Change brightness, contrast, saturation and hue, in this order.

            An image of uint8 with three channels is a photograph. Any other has channels of different things, neither saturation nor
            hue, and zeros where there is nothing, which stay zeros.

            Parameters
            ----------
            brightness, contrast, saturation : float
                Largest share by which it is lowered or raised.
            hue : float
                Largest shift in either direction, as a share of the colour circle.
            p : float
                Probability that the transform is applied.
            """

            def __init__(
                self,
                *,
                brightness: Share = 0.0,
                contrast: Share = 0.0,
                saturation: Share = 0.0,
                hue: ShareUpToHalf = 0.0,
                p: Share = 1.0,
            ):
                pass

    class horizontal_flip:
        "A flip of left and right."

        class HorizontalFlip:
            """Flip left and right.

            Parameters
            ----------
            p : float
                Probability that the transform is applied.
            """

            def __init__(self, *, p: Share = 1.0):
                pass

    class random_resized_crop:
        "A crop at random, at the size of the whole."

        class RandomResizedCrop:
            """Cut out a part and resize it to the whole (C. Szegedy et al., "Going deeper with convolutions", CVPR 2015).

            Parameters
            ----------
            min_area : float
                Least area of the part, as a share of the image's area.
            max_aspect : float
                Greatest ratio between the aspect of the part and that of the image, or its inverse.
            p : float
                Probability that the transform is applied.
            """

            def __init__(
                self, *, min_area: PositiveShare, max_aspect: AtLeastOne = 1.3333333333333333, p: Share = 1.0
            ):
                pass

    class rotation:
        "A rotation about the centre."

        class Rotation:
            """Rotate the image about its centre.

            Parameters
            ----------
            max_angle : float
                Largest angle in either direction, degrees.
            border : {"reflect", "zero"}
                `reflect`: the corners are filled with what is beside them, mirrored; `zero`: with zeros.
            p : float
                Probability that the transform is applied.
            """

            def __init__(
                self, *, max_angle: Degrees, border: Literal["reflect", "zero"] = "reflect", p: Share = 1.0
            ):
                pass

    class vertical_flip:
        "A flip of top and bottom."

        class VerticalFlip:
            """Flip top and bottom.

            Parameters
            ----------
            p : float
                Probability that the transform is applied.
            """

            def __init__(self, *, p: Share = 1.0):
                pass


class audio_features:
    class fft_frames:
        "Magnitudes of one Fourier transform."

        def compute(wave, *, sample_rate: int, frames: Count):
            """The magnitudes of the first half of a window's Fourier transform, standardised, in rows.

            Row after row they go from 0 Hz up to, but not including, half the sample rate: a row is a band of frequencies over the
            whole window, not a moment. 5 s at 32 kHz are 160,000 samples, whose 80,000 magnitudes the public BirdCLEF 2021 entry lays
            out in 100 rows of 800. Where `frames` does not divide them, the highest magnitudes, fewer than `frames`, are left out.

            Parameters
            ----------
            wave : numpy.ndarray
                float32 of shape (samples,).
            sample_rate : int
                Hz; makes no difference.
            frames : int
                Rows.

            Returns
            -------
            numpy.ndarray
                float32 of shape (frames, samples // 2 // frames), of mean 0 and deviation 1. A constant window, and one whose
                magnitudes are all equal, give zeros. No value exceeds the square root of their number (283 for 80,000), so that
                float16 holds them with an error of 2**-11 of the value, and of 2**-25 near zero.

            Raises
            ------
            InputError
                There are fewer magnitudes than rows.
            """

    class log_mel:
        "Log-mel spectrograms."

        def compute(
            wave,
            *,
            sample_rate: int,
            n_fft: Count,
            hop: Count,
            n_mels: Count,
            fmin: NonNegative,
            fmax: Positive,
            scale: Literal["power_db", "notebook"],
            normalise: Literal["min_max", "standard", "none"],
            resize: Size | None = None,
        ):
            """The log-mel spectrogram of one window.

            Parameters
            ----------
            wave : numpy.ndarray
                float32 of shape (samples,).
            sample_rate : int
                Hz.
            n_fft, hop : int
                Samples of a frame, and between the starts of two frames.
            n_mels : int
                Mel bands.
            fmin, fmax : float
                Lowest and highest frequency, Hz.
            scale : {"power_db", "notebook"}
                `power_db`: 10 log10 of the mel power, at most 80 dB below its peak. `notebook`: 20 log10 of the mel
                power with the same 80 dB floor, hence half the dynamic range, as the public notebook has it.
            normalise : {"min_max", "standard", "none"}
                Each window to [0, 1], or to mean 0 and deviation 1.
            resize : list of int, optional
                Mel bands and frames that the normalised spectrogram is resized to, by skimage's `resize`.

            Returns
            -------
            numpy.ndarray
                float32 of shape (n_mels, 1 + samples // hop), or `resize`. A constant window gives zeros.
            """


class images_features:
    class picture:
        "Images at the size that a model takes."

        def compute(
            images,
            *,
            sequences,
            size: Size,
            fit: Literal["stretch", "pad", "crop"],
            scale: Literal["none", "max", "percentile", "window"] = "none",
            channels: Names | None = None,
            oriented: bool = True,
            crop_to_content: bool = False,
        ):
            """Images at the size that a model takes, one after the other.

            Parameters
            ----------
            images : callable
                Gives all images anew, one after the other: each uint8 or uint16 of shape (height, width, channels) with its row, a
                dict with `recording_id` and, of a slice, `turn` and `windows`.
            sequences : sequence of str
                The channels of a slice; empty for photographs.
            size : (int, int)
                Height and width, pixels.
            fit : {"stretch", "pad", "crop"}
                As `understory.images.pixels.fit` says.
            scale : {"none", "max", "percentile", "window"}
                How values become 8 bits, before `fit`, as `understory.images.pixels.scaled` says.
            channels : list of str, optional
                The sequences that become channels, in this order; all without it.
            oriented : bool
                Whether slices are turned to the orientation in which they are viewed, and not left as their files store them.
            crop_to_content : bool
                Whether all images of a recording are cut to one box, around the content of every one of them.

            Yields
            ------
            numpy.ndarray
                uint8 of shape (*size, channels).

            Raises
            ------
            InputError
                `channels` names a sequence that there is not, or `scale` does not go with the images.
            """
