"""The planted bugs: what is changed, why that is a bug, and which tests must notice."""

from __future__ import annotations

from dataclasses import dataclass

ALONE = "tests/integration/test_alone.py::"
FROZEN = ALONE + "test_a_run_that_was_frozen_gives_nobody_an_archive_that_another_host_took_away_meanwhile"
HELD = "test_a_signal_ends_a_run_soon_although_somebody_holds_the_database_and_the_next_run_recovers"
UNCERTAIN = "tests/integration/test_uncertain_ends.py::"
STUCK = "tests/integration/test_stuck_files.py::"
SILENT = "tests/integration/test_silent_jobs.py::"
LOCKED = "tests/integration/test_locked_rows.py::"
ORDER = "tests/integration/test_publishing_order.py::"
RUN = "tests/integration/test_run.py::"
VERIFY_COMMAND = "tests/integration/test_verify_command.py::"


@dataclass(frozen=True)
class Mutant:
    """One bug."""

    name: str
    file: str
    old: str  # found in the file exactly once
    new: str
    why: str  # what would happen to somebody
    tests: tuple[str, ...]  # arguments of pytest; at least one of these tests fails


MUTANTS = (
    Mutant(
        name="rename before fsync",
        file="samzip/archive/build.py",
        old="        target.sync(job.temporary)\n",
        new="",
        why="a power cut after the rename leaves an archive of zeros under its final name",
        tests=(ORDER + "test_an_archive_is_written_verified_synced_named_and_only_then_noted_as_completed[sqlite]",),
    ),
    Mutant(
        name="sync that syncs nothing",
        file="samzip/storage/local.py",
        old="            _fsync(self._writable(name), os.O_RDONLY)\n",
        new="            self._writable(name)\n",
        why="as above, one level deeper",
        tests=(ORDER + "test_a_local_file_is_on_the_disk_before_its_name_is_and_the_name_before_publish_returns",),
    ),
    Mutant(
        name="no fsync of the folder",
        file="samzip/storage/local.py",
        old="            source.rename(target)\n            _fsync(target.parent, os.O_RDONLY | os.O_DIRECTORY)\n",
        new="            source.rename(target)\n",
        why="a power cut loses the name of an archive whose request is completed",
        tests=(ORDER + "test_a_local_file_is_on_the_disk_before_its_name_is_and_the_name_before_publish_returns",),
    ),
    Mutant(
        name="commit before rename",
        file="samzip/batch/ending.py",
        old="        context.archives.publish(item.temporary, item.path)\n",
        new="        _complete(context, item, published, found)\n"
        "        context.archives.publish(item.temporary, item.path)\n",
        why="a kill between the two leaves a completed request without its file",
        tests=(
            ORDER + "test_an_archive_is_written_verified_synced_named_and_only_then_noted_as_completed[sqlite]",
            ORDER + "test_no_observer_ever_sees_a_completed_request_without_its_file[sqlite]",
        ),
    ),
    Mutant(
        name="published without being verified",
        file="samzip/archive/build.py",
        old="            verify_zip(file, digest)\n",
        new="            file.seek(0, 2)\n",
        why="what memory or disk changed on the way reaches the customer",
        tests=(ORDER + "test_what_the_disk_gives_back_changed_is_never_named[sqlite]",),
    ),
    Mutant(
        name="a verifier that compares no CRC",
        file="samzip/archive/verify.py",
        old="    if (crc, size) != (content.crc, content.size):\n",
        new="    if size != content.size:\n",
        why="a flipped bit in a stored document passes as sound",
        tests=("tests/unit/test_verify.py::test_any_flipped_byte_of_any_entry_is_found_and_the_entry_is_named",),
    ),
    Mutant(
        name="name not noted before it is written",
        file="samzip/batch/in_work.py",
        old="        work.announce(connection, held, path)\n",
        new="",
        why="what a killed run was writing is found by nobody and stays for ever",
        tests=(ORDER + "test_the_name_is_noted_before_a_byte_is_written[sqlite]",),
    ),
    Mutant(
        name="no token in the finishing write",
        file="samzip/requests/work.py",
        old="    _touch(connection, held)\n    rows = move(\n",
        new="    rows = move(\n",
        why="two hosts complete the same part, with two archives",
        tests=(ORDER + "test_a_part_that_is_taken_over_at_the_last_moment_is_not_completed_by_the_old_run[sqlite]",),
    ),
    Mutant(
        name="no token anywhere",
        file="samzip/requests/work.py",
        old="return _part(held.company_id, held.part) & (work.c.token == held.token)",
        new="return _part(held.company_id, held.part)",
        why="a run that was taken over goes on as if nothing had happened",
        tests=(RUN + "test_a_part_taken_over_by_another_host_is_not_published_twice[sqlite]",),
    ),
    Mutant(
        name="a claim that takes what is taken",
        file="samzip/requests/work.py",
        old="        .where(row, _is_due(now))\n",
        new="        .where(row)\n",
        why="two runs build the same part at the same time",
        tests=(ORDER + "test_a_part_that_is_claimed_stays_with_whoever_claimed_it[sqlite]",),
    ),
    Mutant(
        name="finished for the newest click only",
        file="samzip/requests/work.py",
        old="        Move.PUBLISH,\n        _requests(held.company_id, held.part),\n",
        new="        Move.PUBLISH,\n        ziprequest.c.id == held.request_id,\n",
        why="whoever clicked first waits for ever",
        tests=(RUN + "test_three_fast_clicks_build_each_part_once_and_complete_all_six_requests[sqlite]",),
    ),
    Mutant(
        name="a move whatever the state",
        file="samzip/requests/states.py",
        old="    return which & ziprequest.c.status.in_(how.sources)\n",
        new="    return which\n",
        why="who cancels at the last moment is told that it failed, and history forgets what waits again",
        tests=(
            "tests/integration/test_moves.py::"
            "test_a_move_is_made_from_the_states_that_are_stated_and_from_no_other[sqlite-Move.CANCEL]",
        ),
    ),
    Mutant(
        name="collapse that drops a row",
        file="samzip/requests/collapse.py",
        old="            .group_by(ziprequest.c.empresa_id, ziprequest.c.parte_numero)\n",
        new="            .group_by(ziprequest.c.empresa_id)\n",
        why="of a company's parts only one is ever built",
        tests=(RUN + "test_three_fast_clicks_build_each_part_once_and_complete_all_six_requests[sqlite]",),
    ),
    Mutant(
        name="a cancelled part leaves its file",
        file="samzip/batch/ending.py",
        old="    if not requests:\n        remove_files(context, item)\n",
        new="    if not requests:\n",
        why="an archive that no row knows lies there until somebody purges",
        tests=(ORDER + "test_a_part_that_is_cancelled_at_the_last_moment_leaves_no_file[sqlite]",),
    ),
    Mutant(
        name="files go though the answer of their commit got lost",
        file="samzip/batch/ending.py",
        old="    if item.is_served or item.is_unsure:\n",
        new="    if item.is_served:\n",
        why="the commit may have gone through: its requests are completed, and their archive is gone",
        tests=(
            UNCERTAIN + "test_after_a_commit_whose_answer_got_lost_nothing_is_removed_until_the_next_run_knows_more",
        ),
    ),
    Mutant(
        name="an archive whose time was ended is given again",
        file="samzip/requests/work.py",
        old=" & ~archive.c.deleting & (archive.c.expires_at > now)\n        extended",
        new=" & ~archive.c.deleting\n        extended",
        why="who asked gets a link to a file that is gone",
        tests=(UNCERTAIN + "test_an_archive_that_is_taken_back_while_it_is_given_again_is_built_anew[sqlite]",),
    ),
    Mutant(
        name="a purge that does not note what SAM made",
        file="samzip/requests/purge.py",
        old="                adopt(connection, now, row)\n",
        new="                pass\n",
        why="a kill before the file goes leaves it for ever",
        tests=(UNCERTAIN + "test_an_archive_that_sam_made_goes_with_the_next_run_when_a_purge_could_not_remove_it",),
    ),
    Mutant(
        name="an archive that nobody wants any more is forgotten before it is removed",
        file="samzip/requests/work.py",
        old="        if made:\n",
        new="        if made and rows:\n",
        why="a kill between the two leaves an archive that no row knows",
        tests=(ORDER + "test_a_run_that_dies_before_it_removes_what_nobody_wants_leaves_nothing_for_ever[sqlite]",),
    ),
    Mutant(
        name="a file that could not be removed is forgotten",
        file="samzip/batch/in_work.py",
        old="        mark_unfinished(connection, now, item.held.company_id, item.held.part, item.temporary)\n",
        new="        pass\n",
        why="half an archive lies in a bucket that was away for a moment until somebody purges",
        tests=(STUCK + "test_a_failed_attempt_keeps_its_own_reason_and_its_pause[sqlite]",),
    ),
    Mutant(
        name="recovery without attempt count",
        file="samzip/requests/recover.py",
        old="run_id=None, path=None, not_before=None, last_error=why)\n",
        new="run_id=None, path=None, not_before=None, last_error=why, attempts=0)\n",
        why="a part that kills its run kills every run from now on",
        tests=(ORDER + "test_each_death_of_a_run_counts_and_the_last_one_fails_the_request_with_the_reason[sqlite]",),
    ),
    Mutant(
        name="what ended a run without its database is not told",
        file="samzip/batch/run.py",
        old="        last_words.leave(context.settings.state_dir, context.run_id, ending)\n",
        new="        pass\n",
        why="an outage of the database is told as a run that died, and nobody looks at the server",
        tests=(
            "tests/faults/test_database_away.py::"
            "test_a_database_file_that_is_away_for_a_while_is_exit_10_and_the_next_run_delivers",
        ),
    ),
    Mutant(
        name="recovery that forgets before it deletes",
        file="samzip/requests/recover.py",
        old="        if row.path:\n",
        new="        if row.path and not rows:\n",
        why="what a dead run was making stays, and nobody knows of it",
        tests=(
            ORDER + "test_recovery_takes_a_part_from_its_run_before_the_file_goes_and_a_row_remembers_that_one[sqlite]",
        ),
    ),
    Mutant(
        name="recovery that leaves temporary files",
        file="samzip/requests/expire.py",
        old="    return Going(path, (path,) if is_known else (path, final), was_published=False)\n",
        new="    return Going(path, () if is_known else (final,), was_published=False)\n",
        why="each kill leaves an archive's worth of bytes on the disk",
        tests=(
            ORDER + "test_recovery_takes_a_part_from_its_run_before_the_file_goes_and_a_row_remembers_that_one[sqlite]",
        ),
    ),
    Mutant(
        name="one attempt too many",
        file="samzip/requests/work.py",
        old="    has_more = held.attempt < max_attempts",
        new="    has_more = held.attempt <= max_attempts",
        why="a failing part costs more attempts than were allowed",
        tests=(RUN + "test_a_failed_attempt_waits_longer_each_time_and_the_last_one_fails_with_the_reason[sqlite]",),
    ),
    Mutant(
        name="expiry that deletes a referenced file",
        file="samzip/requests/expire.py",
        old="            archive.c.expires_at <= now,\n"
        '            ~exists().where(ziprequest.c.file_path == archive.c.path, ziprequest.c.status == "completed"),\n',
        new="            archive.c.expires_at <= now,\n",
        why="a request that is still in its time points to nothing",
        tests=(ORDER + "test_a_file_that_a_live_request_points_to_outlives_its_archives_time[sqlite]",),
    ),
    Mutant(
        name="the file goes before its rows",
        file="samzip/batch/cleaning.py",
        old="                expired = expiry.expire(connection, now, context.settings.ttl)\n"
        "                going = expiry.deleting(connection)\n",
        new="                expired = expiry.expire(connection, now, context.settings.ttl)\n"
        "                going = expiry.deleting(connection)\n"
        "                for item in going:\n                    context.archives.delete(item.path)\n",
        why="a kill before the commit leaves requests that offer a file which is gone",
        tests=(ORDER + "test_rows_expire_before_the_file_goes_and_a_row_remembers_it_until_it_has_gone[sqlite]",),
    ),
    Mutant(
        name="the row is forgotten before the file goes",
        file="samzip/batch/cleaning.py",
        old="            break\n        try:\n            deleted",
        new="            break\n        with context.database.write() as connection:\n"
        "            expiry.forget(connection, item.path)\n        try:\n            deleted",
        why="a kill in between leaves a file that no row knows",
        tests=(ORDER + "test_rows_expire_before_the_file_goes_and_a_row_remembers_it_until_it_has_gone[sqlite]",),
    ),
    Mutant(
        name="a worker that is told to end is trusted to write no more",
        file="samzip/batch/building.py",
        old="            in_work.leave_files(item)  # its worker may live for a moment\n",
        new="",
        why="what it writes before it dies stays, and nobody knows of it",
        tests=(SILENT + "test_what_a_worker_writes_after_it_was_told_to_end_is_removed[sqlite-cancel]",),
    ),
    Mutant(
        name="who finds damage locks requests first",
        file="samzip/requests/integrity.py",
        old="    lock_parts(connection, exists().where(ITS_PART, which))\n",
        new="",
        why="a download and a run wait for each other in a circle",
        tests=(LOCKED + "test_who_finds_an_archive_damaged_and_a_run_lock_rows_in_one_order",),
    ),
    Mutant(
        name="an expired archive is given again",
        file="samzip/requests/runs.py",
        old="archive.c.company_id == company_id, archive.c.expires_at > now, ~archive.c.deleting)",
        new="archive.c.company_id == company_id, ~archive.c.deleting)",
        why="a customer downloads yesterday's archive, and its file never goes",
        tests=(ORDER + "test_an_archive_whose_time_is_over_is_not_given_again[sqlite]",),
    ),
    Mutant(
        name="reuse whatever has changed",
        file="samzip/archive/survey.py",
        old='        digest.update(repr((equipment, survey)).encode("utf-8", "surrogatepass"))\n',
        new="",
        why="a customer who corrected a document is given the old archive",
        tests=(RUN + "test_changed_content_is_built_anew[sqlite]",),
    ),
    Mutant(
        name="any lease is free",
        file="samzip/requests/lease.py",
        old="    free = (ends <= now) | ",
        new="    free = (ends == ends) | ",
        why="two hosts work on one queue",
        tests=(RUN + "test_another_hosts_lease_is_respected_until_it_lapses[sqlite]",),
    ),
    Mutant(
        name="alone without the lease",
        file="samzip/housekeeping/alone.py",
        old="        return holder\n",
        new="        return None\n",
        why="a purge removes the archive that another host's run is giving to somebody",
        tests=(ALONE + "test_a_purge_waits_for_another_hosts_run_as_long_as_it_was_told[sqlite]",),
    ),
    Mutant(
        name="a purge with a host's name of its own",
        file="samzip/cli/purge.py",
        old='host_id(settings) if not dry_run else ""',
        new='"elsewhere"',
        why="after a killed run nobody can purge for a minute",
        tests=(ALONE + "test_a_lease_that_a_dead_run_of_this_host_left_holds_no_purge_up[sqlite]",),
    ),
    Mutant(
        name="alone for ever",
        file="samzip/housekeeping/alone.py",
        old="            if not lease.renew(connection, now, self.token):\n",
        new="            if not lease.renew(connection, now, self.token) and not self.token:\n",
        why="a purge that was frozen goes on beside another host's run",
        tests=(ALONE + "test_a_purge_whose_place_another_host_took_does_nothing_more[sqlite]",),
    ),
    Mutant(
        name="a claim without the lease",
        file="samzip/batch/in_work.py",
        old="        if not context.is_alone(connection):\n            return None\n",
        new="        if not context.run_id:\n            return None\n",
        why="a run that was frozen goes on beside another host's, from what it knew before",
        tests=(ALONE + "test_a_run_whose_place_another_host_took_begins_nothing_more[sqlite]",),
    ),
    Mutant(
        name="two attempts write one name",
        file="samzip/batch/in_work.py",
        old="    while attempts.is_named(connection, path := ",
        new="    while not (path := ",
        why="a host that froze removes what another one delivered under the same name",
        tests=(
            "tests/faults/test_frozen.py::test_two_hosts_that_claim_a_part_in_the_same_second_never_write_one_name",
        ),
    ),
    Mutant(
        name="the lease without the fence",
        file="samzip/housekeeping/alone.py",
        old="                fence(connection, now, token)\n",
        new="                pass\n",
        why="a run that was frozen gives its request an archive that was taken away meanwhile",
        tests=(FROZEN + "[sqlite-purge]",),
    ),
    Mutant(
        name="a fence that leaves the token",
        file="samzip/requests/recover.py",
        old=".values(token=token, path=None))\n",
        new=".values(path=None))\n",
        why="a run that was frozen completes what recovery deletes",
        tests=(FROZEN + "[sqlite-verify]",),
    ),
    Mutant(
        name="a stop that waits for every lock",
        file="samzip/database/patience.py",
        old="        return self._until is not None and time.monotonic() >= self._until\n",
        new="        return False\n",
        why="systemd kills a run that was asked to end, and says that it failed",
        tests=("tests/faults/test_signals.py::" + HELD + "[sqlite]",),
    ),
    Mutant(
        name="no lock on this host",
        file="samzip/locks.py",
        old="        lock.acquire(poll_interval=0.05, cancel_check=give_up)\n",
        new="",
        why="cron's second run begins while the first one works",
        tests=(RUN + "test_a_busy_file_lock_is_said_at_once_and_changes_nothing[sqlite]",),
    ),
    Mutant(
        name="one company takes all the turns",
        file="samzip/batch/building.py",
        old="        if company.parts:\n            self.turns.append(company)\n",
        new="        if company.parts:\n            self.turns.appendleft(company)\n",
        why="a company of 300 parts starves one of a single part",
        tests=(RUN + "test_companies_take_turns[sqlite]",),
    ),
    Mutant(
        name="parts of two inventories in one click",
        file="samzip/requests/recut.py",
        old="(archive.c.cut != digest) &",
        new="(archive.c.cut == digest) &",
        why="an instrument at the border is in no part, or in two",
        tests=("tests/integration/test_one_inventory.py::test_a_run_that_was_asked_to_end_between_two_parts[sqlite]",),
    ),
    Mutant(
        name="whoever asks for one part alone takes part in an older click",
        file="samzip/requests/recut.py",
        old="    return ended.pop() if abs(request.created - made) <= NEXT else None\n",
        new="    return ended.pop()\n",
        why="what was delivered long ago is taken back",
        tests=(
            "tests/integration/test_neighbouring_clicks.py::"
            "test_what_was_delivered_stays_when_a_part_is_asked_for_alone[sqlite-3-5]",
        ),
    ),
    Mutant(
        name="a worker that says nothing is waited for",
        file="samzip/local_pool.py",
        old="        for key in self._silence.found():\n            self.cancel(key)\n",
        new="        self._silence.found()\n",
        why="one frozen process keeps a run, and the queue, for ever",
        tests=("tests/faults/test_pool.py::test_a_worker_that_was_stopped_fails_its_job_and_the_pool_works_again",),
    ),
    Mutant(
        name="documents whose volume went away are listed as missing",
        file="samzip/archive/presence.py",
        old="    if media.is_empty(FOLDER):\n",
        new="    if False:\n",
        why="an archive without documents goes out that were there when it was begun, and nobody asks again",
        tests=(
            "tests/integration/test_volume_away.py::test_documents_that_go_while_archives_are_built_are_nobodys_attempt",
        ),
    ),
    Mutant(
        name="a file whose volume is away counts as gone",
        file="samzip/storage/local.py",
        old="                self._require_top(name)\n                return False\n",
        new="                return False\n",
        why="its row is forgotten, and it stays for ever when the volume is back",
        tests=(
            "tests/integration/test_storage.py::test_nothing_is_put_or_thought_gone_where_the_folder_of_archives_is_not",
        ),
    ),
    Mutant(
        name="a job for which no worker starts keeps the dead one",
        file="samzip/local_pool.py",
        old="            self._give(in_hand.ended, *in_hand.given, key, None)\n",
        new="            self._give(in_hand.ended, *in_hand.given, key, None)\n"
        "            self._running.setdefault(key, in_hand)\n",
        why="the run breaks off as the pool listens to the dead one's pipe, and other parts are counted as its death",
        tests=(
            "tests/faults/test_pool.py::test_a_job_of_a_dead_worker_fails_alone_where_there_is_no_room_for_another",
        ),
    ),
    Mutant(
        name="a host that wakes recovers what another builds",
        file="samzip/batch/context.py",
        old="            if not self.is_alone(connection):\n",
        new="            if False:\n",
        why="the part of a living run costs an attempt, is built twice, or fails while it is built",
        tests=(
            "tests/integration/test_alone.py::test_a_host_that_wakes_takes_nothing_from_the_one_that_has_taken_over",
        ),
    ),
    Mutant(
        name="whatever lies in tmp is a dead run's",
        file="samzip/temporary.py",
        old="if _RUN.fullmatch(it.name) and it.is_dir",
        new="if it.is_dir",
        why="a state folder that somebody else uses as well loses their files",
        tests=("tests/faults/test_leftovers.py::test_what_runs_left_is_removed_and_what_is_not_samzips_stays",),
    ),
    Mutant(
        name="a click is served by a snapshot that is older",
        file="samzip/requests/work.py",
        old="        which = _requests(company_id, part) & ziprequest.c.id.in_(group)\n",
        new="        which = _requests(company_id, part)\n",
        why="an instrument that was there before the click is not in its archive",
        tests=(
            "tests/integration/test_one_inventory.py::"
            "test_a_change_and_a_click_while_the_inventory_is_read[sqlite-an exchange]",
        ),
    ),
    Mutant(
        name="parts that the inventory gained are not asked for",
        file="samzip/requests/reconcile.py",
        old="set(range(old + 1, len(slices) + 1))",
        new="set(range(old + 1, len(slices)))",
        why="a new instrument is in no archive",
        tests=(RUN + "test_a_grown_inventory_gets_the_parts_that_the_click_could_not_know[sqlite]",),
    ),
    Mutant(
        name="a missing document that nobody hears of",
        file="samzip/batch/ending.py",
        old="    context.tally.update(published=1, completed=requests, bytes=result.size, **asdict(found))",
        new="    context.tally.update(published=1, completed=requests, bytes=result.size)",
        why="the run exits 0 although an archive is incomplete",
        tests=(RUN + "test_a_missing_document_is_listed_everywhere_and_the_part_is_published[sqlite]",),
    ),
    Mutant(
        name="two codes in one folder",
        file="samzip/dossier/names.py",
        old="        return key not in self._files and key not in self._folders\n",
        new="        return key not in self._files\n",
        why="one instrument's documents overwrite another's when the archive is extracted",
        tests=("tests/unit/test_names.py::test_codes_that_clean_alike_do_not_share_a_folder",),
    ),
    Mutant(
        name="verify that trusts the size",
        file="samzip/housekeeping/verify.py",
        old="            if publication.sha256 and digest.hexdigest() != publication.sha256:\n",
        new="            if publication.sha256 and not digest:\n",
        why="an archive that was swapped for another of its size passes as the one that was published",
        tests=(VERIFY_COMMAND + "test_damage_is_exit_13_and_changes_nothing[sqlite-replace_by_another_sound_archive]",),
    ),
    Mutant(
        name="a repair that the next run undoes",
        file="samzip/requests/integrity.py",
        old="    connection.execute(update(archive).where(archive.c.path == path).values(deleting=True))\n",
        new="",
        why="the damaged archive stays, and its requests are given it again",
        tests=(VERIFY_COMMAND + "test_repair_has_every_request_of_a_damaged_archive_served_again[sqlite-flip_a_byte]",),
    ),
    Mutant(
        name="a self-test that sees nothing lost",
        file="samzip/selftest/ledger.py",
        old="        if lost:\n",
        new="        if not state:\n",
        why="the self-test promises what it has not looked at",
        tests=("tests/integration/test_selftest.py::test_a_row_or_a_file_that_is_gone_is_a_lost_request[sqlite]",),
    ),
    Mutant(
        name="one company's rows stop the run",
        file="samzip/batch/building.py",
        old="        if not isinstance(as_told(error), Unexpected):\n",
        new="        if isinstance(error, Exception):\n",
        why="nobody gets anything as long as one company's rows cannot be read",
        tests=(
            "tests/integration/test_bad_rows.py::test_what_nobody_foresaw_of_a_company_costs_it_an_attempt_and_stops_no_other",
        ),
    ),
    Mutant(
        name="a rest beside what SAM queued",
        file="samzip/idle.py",
        old="status IN ('pending', 'queued', 'processing')",
        new="status IN ('pending', 'processing')",
        why="clicks that SAM's old worker left as 'queued' wait until somebody else clicks",
        tests=(
            "tests/integration/test_idle.py::"
            "test_whatever_there_may_be_to_do_is_left_to_a_whole_run[a queue as SAM left it]",
        ),
    ),
    Mutant(
        name="a probe that nobody clears away",
        file="samzip/batch/run.py",
        old="        if died:\n",
        new="        if died < 0:\n",
        why="what tried the store as a run died stays for ever when nobody wants its parts any more",
        tests=(
            "tests/integration/test_uncertain_ends.py::"
            "test_a_run_that_died_as_it_tried_the_store_leaves_nothing_to_one_without_work[sqlite]",
        ),
    ),
    Mutant(
        name="a reuse that counts what was served before",
        file="samzip/requests/work.py",
        old="    if not attempts.was_published(connection, held.token, path):\n        return None\n",
        new="",
        why="a part that another host has taken over is told as delivered",
        tests=(
            "tests/integration/test_uncertain_ends.py::"
            "test_a_part_that_was_taken_over_while_it_is_given_again_is_told_as_dropped[sqlite]",
        ),
    ),
    Mutant(
        name="a retry that is stuck at once",
        file="samzip/requests/single.py",
        old="    put_in_line(connection, now, ziprequest.c.id == request_id)\n",
        new="",
        why="a purge fails or deletes what an operator has asked for a moment before",
        tests=(
            "tests/integration/test_purge.py::test_what_was_asked_for_again_is_not_stuck_until_a_run_has_passed_over_it",
        ),
    ),
    Mutant(
        name="a volume that is away",
        file="samzip/archive/survey.py",
        old="    if absent:\n        require_documents(store)\n",
        new="",
        why="an empty mount point gives everybody archives without a document",
        tests=(RUN + "test_a_media_root_without_any_of_its_documents_is_exit_12_too[sqlite-True]",),
    ),
)
