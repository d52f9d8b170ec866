"""Downloading the data of a Kaggle competition, by Kaggle's own packages."""

from pathlib import Path

import kagglehub.clients
import kagglehub.config
import kagglehub.exceptions
import kagglehub.handle
import requests
from kagglesdk.competitions.types.competition_api_service import ApiDownloadDataFilesRequest

from understory.core.errors import InputError
from understory.fetch import archives, http
from understory.fetch.address import COMPETITION


class Patient(requests.adapters.HTTPAdapter):
    """Gives up on a silent server, where Kaggle's package waits for ever."""

    def send(self, request, *, timeout=None, **options):
        return super().send(request, timeout=timeout or (http.CONNECT_TIMEOUT, http.READ_TIMEOUT), **options)


def give_up_on_silent_servers(client):
    """Set the timeouts of a Kaggle client, which has no option for them: its session is private."""
    for scheme in ("https://", "http://"):
        client.http_client()._session.mount(scheme, Patient())


def download(address: str, growing: Path):
    """Download the archive of all files of a competition to `growing`.

    Kaggle's package continues a cut download, and compares the MD5 sum that Kaggle sends. Raises what `http.download` does.
    """
    competition = COMPETITION.fullmatch(address)[1]
    page = f"https://www.kaggle.com/competitions/{competition}"
    if kagglehub.config.get_kaggle_credentials() is None:
        raise InputError(
            f"{address}: expected an access token of Kaggle's in ~/.kaggle/access_token or in the variable "
            f"KAGGLE_API_TOKEN (https://www.kaggle.com/settings makes one), found none; {http.FOLDER}"
        )
    try:
        request = ApiDownloadDataFilesRequest()
        request.competition_name = competition
        with kagglehub.clients.build_kaggle_client() as client:
            give_up_on_silent_servers(client)
            response = client.competitions.competition_api_client.download_data_files(request)
            length = http.content_length(response)
            archives.check_room(growing.parent, length or 0)
            kagglehub.clients.download_file(
                response, str(growing), kagglehub.handle.parse_competition_handle(competition)
            )
        if length is not None and (have := growing.stat().st_size) != length:
            growing.unlink()
            raise http.Interrupted(f"{have} of {length} bytes came, so that it starts again")
    except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
        raise http.Interrupted(http.reason(error)) from None
    except requests.HTTPError as error:
        status = error.response.status_code
        said = {
            401: "found that Kaggle does not know the access token: make another at https://www.kaggle.com/settings",
            403: f"found that its rules are not accepted: accept them at {page}/rules",
            404: f"found that there is no such competition: look up its name at {page}",
        }
        if status in said:
            raise InputError(f"{address}: expected its data, {said[status]}; {http.FOLDER}") from None
        http.complain(address, status)
    except kagglehub.exceptions.DataCorruptionError:
        growing.unlink(missing_ok=True)
        raise http.Interrupted("the archive was damaged on its way, so that it starts again") from None
    except InputError:
        raise
    except (requests.RequestException, OSError, ValueError) as error:
        raise InputError(
            f"{address}: expected its data, found {type(error).__name__}: {error}; {http.FOLDER}"
        ) from None
